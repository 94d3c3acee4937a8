// One object: what it is, and in parts what it has stored, who is connected, what it has just done.
import { h, fill, keyed, text, count, bytes, duration, span, ago, until, labelOf, linkOf, notice } from './dom.js';
import { ask, watch } from './live.js';
import { coloured, editor, oneLine, pretty } from './value.js';
import { events } from './events.js';
import { messages } from './messages.js';
import { sql } from './sql.js';
import { stateOf } from './objects.js';
import { may, has } from './app.js';

const SOCKETS_SHOWN = 200;

const fact = (name, value) => h('div', null, h('dt', null, name), h('dd', null, value));

// Asks, and says whether it went well.
async function act(command, given, done) {
  try {
    const value = await ask(command, given);
    if (done) notice(done);
    return value;
  } catch (error) {
    notice(error.message, 'bad');
    throw error;
  }
}

// Storage -----------------------------------------------------------------------------------------

function storage(root, label, onChange) {
  const list = h('ul.pairs'), foot = h('p.foot');
  let open = null, prefix = '', limit = 100;
  const put = (key, value) => ask('kv.put', { object: label, key, value }).then(() => { notice('Saved ' + key); load(); });

  async function openEditor(row, pair) {
    if (pair.value === undefined) pair = { key: pair.key, value: await ask('kv.get', { object: label, key: pair.key }) };
    const remove = h('button.danger', { disabled: !may(), onclick: async () => {
      if (!confirm(`Delete the key ${pair.key}?`)) return;
      await act('kv.delete', { object: label, key: pair.key }, 'Deleted ' + pair.key);
      open = null;
      load();
    } }, 'Delete key');
    row.append(may() ? editor({ value: pair.value, label: 'Value of ' + pair.key, save: value => put(pair.key, value), actions: [remove] })
      : h('pre.code', null, coloured(pretty(pair.value))));
    row.querySelector('textarea')?.focus();
  }
  const show = keyed(list, pair => {
    const value = h('code.value'), row = h('li');
    let now = pair;
    const button = h('button.pair', { ariaExpanded: 'false', onclick: () => {
      const isOpen = open === pair.key;
      list.querySelectorAll('.editor, pre.code').forEach(one => one.remove());
      list.querySelectorAll('[aria-expanded=true]').forEach(one => one.setAttribute('aria-expanded', 'false'));
      open = isOpen ? null : pair.key;
      button.setAttribute('aria-expanded', String(!isOpen));
      if (!isOpen) openEditor(row, now);
    } }, h('code.key', null, pair.key === '' ? '(empty key)' : keyText(pair.key)), value);
    row.append(button);
    return { element: row, update(pair) { now = pair; fill(value, pair.value === undefined ? bytes(pair.bytes) : coloured(oneLine(pair.value))); } };
  });
  async function load() {
    const pairs = await ask('kv.list', { object: label, prefix, limit }).catch(error => { fill(foot, error.message); });
    if (!pairs) return;
    show(pairs, pair => keyText(pair.key));
    fill(foot, pairs.length === 0 ? (prefix ? 'No key begins with that.' : 'It has stored nothing under a key.') : `${count(pairs.length)} key${pairs.length === 1 ? '' : 's'}`,
      pairs.length >= limit && h('button', { onclick: () => { limit *= 5; load(); } }, 'Show more'));
  }
  const key = h('input', { placeholder: 'new key', ariaLabel: 'New key' }), value = h('input.code', { placeholder: 'JSON, like {"a": 1}', ariaLabel: 'Its value' });
  const create = h('form.row.create', { onsubmit: async event => {
    event.preventDefault();
    let parsed;
    try { parsed = JSON.parse(value.value); } catch (error) { return notice(error.message, 'bad'); }
    await act('kv.put', { object: label, key: key.value, value: parsed }, 'Saved ' + key.value);
    key.value = value.value = '';
    load();
  } }, key, value, h('button', null, 'Add'));
  fill(root, h('div.row', null, h('input.search', { type: 'search', placeholder: 'beginning of the key', ariaLabel: 'Which keys', id: 'filter',
    oninput: event => { prefix = event.target.value; load(); } })), list, foot, may() && create);
  load();
  onChange(load);
}

const keyText = key => typeof key === 'string' ? key : oneLine(key);

// Sockets -----------------------------------------------------------------------------------------

function sockets(root, label) {
  const list = h('ul.sockets'), empty = h('p.none', null, 'Nobody is connected.');
  const show = keyed(list, socket => {
    const tags = h('span.tags'), detail = h('small'), attachment = h('code.value');
    const message = h('input', { placeholder: 'message', ariaLabel: 'Message to this socket' });
    const send = h('form.row', { onsubmit: async event => {
      event.preventDefault();
      await act('sockets.send', { object: label, socket: socket.socket, message: message.value }, 'Sent');
      message.value = '';
    } }, message, h('button', null, 'Send'), h('button.danger', { type: 'button', onclick: () => act('sockets.close', { object: label, socket: socket.socket }, 'Closed') }, 'Close'));
    return {
      element: h('li', null, h('div.row', null, h('b', null, '#' + socket.socket), tags, detail), attachment, may() && send),
      update(socket) {
        fill(tags, (socket.tags ?? []).map(tag => h('span.tag', null, tag)));
        text(detail, [socket.state, socket.bufferedBytes ? bytes(socket.bufferedBytes) + ' wait for it' : '', socket.waitingMessages ? count(socket.waitingMessages) + ' of its messages wait' : ''].filter(Boolean).join(' · '));
        fill(attachment, socket.attachment === undefined ? '' : coloured(oneLine(socket.attachment, 400)));
      },
    };
  });
  fill(root, list, empty);
  return watch('sockets', { object: label, limit: SOCKETS_SHOWN }, answer => {
    show(answer, socket => socket.socket);
    text(empty, answer.length ? `The first ${SOCKETS_SHOWN}.` : 'Nobody is connected.');
    empty.hidden = answer.length > 0 && answer.length < SOCKETS_SHOWN;
  });
}

// Calls -------------------------------------------------------------------------------------------

function call(root, label) {
  const method = h('input', { placeholder: 'method', ariaLabel: 'Method', required: true, spellcheck: false }), result = h('div');
  const given = h('textarea.code', { value: '[]', rows: 4, spellcheck: false, ariaLabel: 'Arguments, a JSON array' });
  const methods = h('div.methods');
  ask('inside', { object: label }).then(answer => fill(methods, answer.methods.map(name => h('button.tag', { type: 'button', onclick: () => { method.value = name; given.focus(); } }, name)))).catch(() => {});
  const form = h('form.call', { onsubmit: async event => {
    event.preventDefault();
    let parsed;
    try { parsed = JSON.parse(given.value || '[]'); } catch (error) { return fill(result, h('p.problem', null, error.message)); }
    if (!Array.isArray(parsed)) return fill(result, h('p.problem', null, 'Arguments are an array: [1, "two"]'));
    const began = performance.now();
    fill(result, h('p.none', null, 'It runs …'));
    try {
      const values = await ask('call', { object: label, method: method.value, arguments: parsed });
      fill(result, h('p.foot', null, `returned after ${duration((performance.now() - began) * 1000)}`), values.map(value => h('pre.code', null, coloured(pretty(value)))));
    } catch (error) {
      fill(result, h('p.problem', null, error.message));
    }
  } }, methods, h('label', null, 'Method', method), h('label', null, 'Arguments', given), h('div.row', null, h('button.primary', { disabled: !may() }, 'Call'), h('small', null, 'It runs in the object, like a call of another.')));
  fill(root, form, result);
}

// The instance ------------------------------------------------------------------------------------

function instance(root, label, onChange) {
  const list = h('ul.pairs'), note = h('p.foot');
  const show = keyed(list, () => {
    const name = h('code.key'), value = h('code.value'), row = h('li.pair', null, name, value);
    return { element: row, update(one) {
      text(name, one.field);
      fill(value, one.value === undefined ? h('span.faint', { title: one.why }, one.type) : coloured(oneLine(one.value, 2000)));
    } };
  });
  async function load() {
    const { fields } = await ask('inside', { object: label }).catch(error => ({ fields: [], error }));
    show(fields.sort((a, b) => a.field < b.field ? -1 : 1), one => one.field);
    fill(note, fields.length ? 'Fields of self. They live until the object sleeps; what must last is in Storage.' : 'It has no instance, or nothing in it.');
  }
  fill(root, note, list);
  load();
  onChange(load);
}

// The page ----------------------------------------------------------------------------------------

function head(label) {
  const facts = h('dl.facts'), state = h('span'), why = h('p.why'), error = h('div');
  const alarmMenu = () => {
    const time = h('input', { value: '10s', ariaLabel: 'When', size: 8 }), shown = text => ({ value: text, formMethod: 'dialog' });
    const box = h('dialog', { onclose: () => {
      box.remove();
      if (box.returnValue === 'set') act('alarm.set', { object: label, time: time.value }, 'The alarm is set');
      if (box.returnValue === 'run') act('alarm.run', { object: label }, 'The alarm rings');
      if (box.returnValue === 'delete') act('alarm.delete', { object: label }, 'The alarm is deleted');
    } }, h('h2', null, 'Alarm of ' + label), h('form.alarm', { method: 'dialog' }, h('div.row', null, 'in', time, h('button.primary', shown('set'), 'Set'), h('small', null, '10s, 5m, 2h')),
      h('div.row', null, h('button', shown('run'), 'Ring now'), h('button.danger', shown('delete'), 'Delete'), h('span.gap'), h('button', shown(''), 'Cancel'))));
    document.body.append(box);
    box.showModal();
    time.select();
  };
  const button = (name, title, ask, kind) => h('button' + (kind ?? ''), { title, disabled: !may(), onclick: () => {
    if (!ask || confirm(ask)) act(name, { object: label }, label + ': ' + name);
  } }, name[0].toUpperCase() + name.slice(1));
  const [, space, name] = label.match(/^([^/]*)\/(.*)$/);
  return {
    element: h('header.object', null,
      h('div.top', null, h('h1', null, h('span.space', null, space + '/'), name, ' ', state), h('div.tools', null,
        h('button', { onclick: alarmMenu, disabled: !may() }, 'Alarm …'),
        button('hibernate', 'put it to sleep when its handlers have ended'),
        button('evict', 'put it to sleep at once; its sockets stay'),
        button('reset', 'put it to sleep at once, and cut its sockets', `Reset ${label}? Its sockets are cut.`),
        button('delete', 'cut its sockets, and delete all it has stored', `Delete all that ${label} has stored?`, '.danger'))),
      why, error, facts),
    update(object) {
      fill(state, stateOf(object));
      text(why, object.why?.length ? 'Awake' + (object.awakeMs ? ' for ' + span(object.awakeMs / 1000) : '') + ': ' + object.why.join('; ') : '');
      fill(error, object.lastError && h('div.error', null, h('b', null, object.lastErrorAt ?? 'Last error'), h('span', null, object.lastError), h('small', null, ago(object.lastErrorMs))));
      fill(facts, fact('Last event', object.lastEvent ? `${object.lastEvent} ${ago(object.lastEventMs)}` : '–'), fact('Events', count(object.events ?? 0)),
        fact('Errors', count(object.errors ?? 0)), fact('Slowest', object.slowestUs ? duration(object.slowestUs) : '–'),
        fact('Lua', object.runUs ? duration(object.runUs) : '–'), fact('Sockets', count(object.sockets ?? 0)), fact('Queue', count(object.queued ?? 0)),
        object.connections && fact('Connections to outside', object.connections.join('; ')),
        fact('Stored', object.bytes === undefined ? (object.stored ? 'yes' : 'nothing') : `${bytes(object.bytes)}, ${count(object.rows)} rows`),
        fact('Alarm', object.alarmMs ? until(object.alarmMs) : 'none'));
    },
  };
}

export function object(root, label, part) {
  const top = head(label), panel = h('section.card.panel'), problem = h('p.problem');
  const parts = [['storage', 'Storage'], has('sql') && ['sql', 'SQL'], has('events') && ['events', 'Events'], ['sockets', 'Sockets'], has('sockets.watch') && ['messages', 'Messages'], ['instance', 'Instance'], ['call', 'Call']].filter(Boolean);
  const chosen = parts.some(([name]) => name === part) ? part : 'storage';
  let changed = () => {}, seen = null;
  const tabs = h('nav.tabs', { ariaLabel: 'Parts of the object' }, parts.map(([name, title]) =>
    h('a', { href: linkOf(label, name), ariaCurrent: name === chosen ? 'page' : null }, title)));
  fill(root, top.element, problem, tabs, panel);
  const stop = watch('object', { object: label }, object => {
    fill(problem);
    top.update(object);
    const mark = [object.events, object.bytes, object.rows, object.state].join();
    if (seen !== null && seen !== mark) changed();
    seen = mark;
  }, message => fill(problem, message));
  const show = { storage: () => storage(panel, label, load => { changed = load; }), sql: () => sql(panel, label), events: () => events(panel, label),
    sockets: () => sockets(panel, label), messages: () => messages(panel, label), instance: () => instance(panel, label, load => { changed = load; }), call: () => call(panel, label) }[chosen];
  const end = show();
  return () => { stop(); end?.(); };
}
