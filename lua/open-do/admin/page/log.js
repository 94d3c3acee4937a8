// The log as it is written, and what has gone wrong in it, by the line of the script.
import { h, fill, keyed, text, count, ago, clock, labelOf, linkOf, nameOf } from './dom.js';
import { ask, watch } from './live.js';

const LINES_MAX = 500;
const LEVELS = ['debug', 'info', 'warn', 'error'];
const KNOWN = new Set(['time', 'level', 'object', 'message', 'file', 'line', 'version']);

// Errors ------------------------------------------------------------------------------------------

// What objects remember of their last errors: also those of before anybody looked.
function group(objects) {
  const groups = new Map();
  for (const object of objects) {
    if (!object.errors) continue;
    const place = object.lastErrorAt ?? 'no line of the script', key = place + '\n' + object.lastError;
    const one = groups.get(key) ?? { key, place, message: object.lastError ?? '', errors: 0, objects: [], ms: 0 };
    one.errors += object.errors;
    one.objects.push(object);
    one.ms = Math.max(one.ms, object.lastErrorMs ?? 0);
    groups.set(key, one);
  }
  return [...groups.values()].sort((a, b) => b.ms - a.ms);
}

// The lines of the script that a report shows: "    > 22 |   return missing.name".
function excerptOf(message) {
  const lines = message.split('\n').filter(line => /^\s*>?\s*(\d+)?\s*\|/.test(line));
  return lines.length ? lines.join('\n') : '';
}

function makeGroup() {
  const place = h('b'), message = h('span.message'), detail = h('small'), who = h('div.who'), source = h('pre.code');
  return {
    element: h('li', null, h('div.row', null, place, h('span.gap'), detail), message, source, who),
    update(one) {
      text(place, one.place);
      text(message, one.message);
      text(detail, `${count(one.errors)} time${one.errors === 1 ? '' : 's'} · ${ago(one.ms)}`);
      text(source, one.source ?? '');
      source.hidden = !one.source;
      fill(who, one.objects.slice(0, 8).map(object => h('a.tag', { href: linkOf(labelOf(object)) }, nameOf(object))),
        one.objects.length > 8 && h('small', null, `and ${one.objects.length - 8} more`));
    },
  };
}

// Lines -------------------------------------------------------------------------------------------

function lineElement(line) {
  const [first, ...rest] = String(line.message ?? '').split('\n');
  const fields = line.event === 'request' ? '' : Object.entries(line).filter(([name]) => !KNOWN.has(name)).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' ');
  return h('li.is-' + line.level, null, h('time', null, clock(Date.parse(line.time))), h('span.level', null, line.level),
    h('div', null, line.object && h('a.object', { href: linkOf(line.object) }, line.object), ' ', first, fields && h('small', null, ' ', fields), rest.length > 0 && h('details', null, h('summary', null, 'more'), h('pre', null, rest.join('\n')))));
}

export function log(root) {
  const groups = h('ul.groups'), none = h('p.none', null, 'No object has failed.'), list = h('ol.lines'), note = h('span.foot');
  const showGroups = keyed(groups, makeGroup), sources = new Map();
  let lines = [], failed = [], level = 'info', words = '', isOver = false;

  const isWanted = line => LEVELS.indexOf(line.level) >= LEVELS.indexOf(level) && (!words || JSON.stringify(line).toLowerCase().includes(words));
  function renderGroups() {
    for (const one of failed) one.source = sources.get(one.place);
    showGroups(failed, one => one.key);
    none.hidden = failed.length > 0;
  }
  function render() {
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    const wanted = lines.filter(isWanted);
    fill(list, wanted.map(line => line.element ??= lineElement(line)));
    fill(note, wanted.length === 0 ? 'Nothing was said yet.' : count(wanted.length) + ' lines');
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }
  // One asks for what came behind the line one has seen last; the answer waits until there is something.
  async function follow() {
    let after = '0';
    while (!isOver) {
      try {
        const answer = await ask('log', { after });
        after = answer.after;
        for (const line of answer.lines) if (line.file) sources.set(`${line.file}:${line.line}`, excerptOf(line.message));
        lines = [...lines, ...answer.lines].slice(-LINES_MAX);
        if (answer.lines.length && !isOver) { render(); renderGroups(); }
      } catch {
        await new Promise(resolve => setTimeout(resolve, 1000));
      }
    }
  }
  const choice = h('select', { ariaLabel: 'Level', onchange: event => { level = event.target.value; render(); } }, LEVELS.map(one => h('option', { value: one, selected: one === level }, one)));
  fill(root, h('header.top', null, h('h1', null, 'Log')),
    h('section.card.panel', null, h('h2', null, 'Errors by line'), groups, none),
    h('section.card.panel', null, h('div.row', null, h('h2', null, 'Lines'), note, h('span.gap'), choice,
      h('input.search', { type: 'search', id: 'filter', placeholder: 'object or words', ariaLabel: 'Which lines', oninput: event => { words = event.target.value.toLowerCase(); render(); } })), list));
  render();
  follow();
  const stop = watch('objects', { order: 'errors', limit: 200 }, answer => { failed = group(answer.objects); renderGroups(); });
  return () => { isOver = true; stop(); };
}
