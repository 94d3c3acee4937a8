// The list of objects: which there are, and why those that are awake are awake.
import { h, fill, keyed, text, count, bytes, duration, ago, until, labelOf, linkOf, nameOf } from './dom.js';
import { ask, watch } from './live.js';

const COLUMNS = [ // [order, head, class, what of an object]
  ['name', 'Object', 'name', null],
  ['busy', 'Why awake', 'state', null],
  ['last', 'Last event', '', object => object.lastEvent ? `${object.lastEvent} · ${ago(object.lastEventMs)}` : '–'],
  ['errors', 'Errors', 'number', object => count(object.errors ?? 0)],
  ['slowest', 'Slowest', 'number', object => object.slowestUs ? duration(object.slowestUs) : '–'],
  ['sockets', 'Sockets', 'number', object => count(object.sockets ?? 0)],
  ['queue', 'Queue', 'number', object => count(object.queued ?? 0)],
  ['bytes', 'Size', 'number', object => object.bytes === undefined ? (object.stored ? '·' : '–') : bytes(object.bytes) + (object.bytesAtLeast ? '+' : '')],
];

/** A dot, and in words what it says; or why it says so. */
export function stateOf(object, why) {
  const kind = object.state === 'awake' ? 'awake' : object.state === 'asleep' ? 'asleep' : 'other';
  const words = why && object.why?.length ? object.why.join('; ') : object.state;
  return h('span.dot.' + kind, { title: object.state }, h('span', null, words));
}

function makeRow(object) {
  const cells = COLUMNS.slice(2).map(([, head, kind, read]) => ({ read, kind, element: h('td' + (kind ? '.' + kind : ''), { 'data-head': head }) }));
  const state = h('td.state'), alarm = h('small');
  const element = h('tr', { tabIndex: 0, onclick: () => { location.hash = linkOf(labelOf(object)); },
    onkeydown: event => { if (event.key === 'Enter') location.hash = linkOf(labelOf(object)); } },
  h('td.name', null, h('a', { href: linkOf(labelOf(object)), tabIndex: -1 }, nameOf(object)), alarm), state, cells.map(cell => cell.element));
  return {
    element,
    update(object) {
      fill(state, stateOf(object, true));
      text(alarm, [object.node && 'node ' + object.node, object.alarmMs && 'alarm ' + until(object.alarmMs)].filter(Boolean).join(' · '));
      for (const cell of cells) text(cell.element, cell.read(object));
      cells[1].element.classList.toggle('bad', object.errors > 0);
    },
  };
}

export function objects(root, given) {
  const query = { order: given.get('order') ?? '', filter: given.get('filter') ?? '', awake: given.get('awake') === '1' };
  const body = h('tbody'), foot = h('p.foot'), heads = h('tr');
  const show = keyed(body, makeRow);
  let stop = () => {}, more = [], cursor = null, first = [], missing = [];

  const filter = h('input.search', { type: 'search', value: query.filter, placeholder: 'rooms/lob …', ariaLabel: 'Which objects', id: 'filter',
    oninput: () => { query.filter = filter.value; remember(); } });
  const awake = h('label.switch', null, h('input', { type: 'checkbox', checked: query.awake, onchange: event => { query.awake = event.target.checked; remember(); } }), 'Only awake');

  function remember() {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value) words.set(name, value === true ? '1' : value);
    history.replaceState(null, '', '#/objects' + (words.size ? '?' + words : ''));
    begin();
  }
  const wish = () => {
    const [, space, name] = query.filter.match(/^([^/]*)\/?(.*)$/);
    return { namespace: space, name, order: query.order || undefined, awake: query.awake || undefined, limit: 200 };
  };
  function render() {
    const all = [...first, ...more];
    show(all, object => object.namespace + object.id);
    fill(foot, all.length === 0 ? 'There is no such object.' : `${count(all.length)} object${all.length === 1 ? '' : 's'}`,
      missing.length > 0 && ` · not listed: ${missing.join('; ')}`,
      cursor && h('button', { onclick: next }, 'Show more'));
  }
  async function next() {
    const answer = await ask('objects', { ...wish(), cursor });
    more.push(...answer.objects);
    cursor = answer.cursor;
    render();
  }
  function begin() {
    stop();
    more = [];
    fill(heads, COLUMNS.map(([order, head, kind]) => h('th' + (kind ? '.' + kind : ''), { ariaSort: (query.order || 'name') === order ? 'descending' : null },
      h('button', { onclick: () => { query.order = order === 'name' ? '' : order; remember(); } }, head))));
    stop = watch('objects', wish(), answer => {
      first = answer.objects;
      missing = answer.missing ?? [];
      if (!more.length) cursor = answer.cursor ?? null;
      render();
    }, problem => fill(foot, problem));
  }
  fill(root, h('header.top', null, h('h1', null, 'Objects'), h('div.tools', null, filter, awake)),
    h('div.card.scroll', null, h('table.objects', null, h('thead', null, heads), body)), foot);
  begin();
  return () => stop();
}
