// Elements without a framework: made by h(), kept in lists by keyed(), and texts for people.

/** h('a.name.other', { href, onclick, title }, children...) */
export function h(what, props, ...children) {
  const [tag, ...classes] = what.split('.');
  const element = document.createElement(tag || 'div');
  if (classes.length) element.className = classes.join(' ');
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (/^aria[A-Z]/.test(name)) element.setAttribute('aria-' + name.slice(4).toLowerCase(), value);
    else if (name in element && name !== 'list' && name !== 'form') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child.nodeType ? child : String(child));
  }
}

export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
  add(element, children);
  return element;
}

/** Shows `items` as children of `parent`: those that stay are updated in place, so that focus, selection
 *  and what is open survive a push. `make(item)` gives { element, update(item) }. */
export function keyed(parent, make) {
  const shown = new Map();
  return (items, keyOf) => {
    const left = new Set(shown.keys());
    let place = parent.firstChild;
    for (const item of items) {
      const key = keyOf(item);
      left.delete(key);
      let row = shown.get(key);
      if (!row) shown.set(key, row = make(item));
      row.update?.(item);
      if (row.element === place) place = place.nextSibling;
      else parent.insertBefore(row.element, place);
    }
    for (const key of left) {
      shown.get(key).element.remove();
      shown.delete(key);
    }
  };
}

export function text(element, value) {
  value = String(value);
  if (element.textContent !== value) element.textContent = value;
}

// What people read ---------------------------------------------------------------------------------

const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function count(number) {
  if (number === undefined) return '–';
  if (number >= 1e6) return trim(number / 1e6) + 'M';
  if (number >= 1e5) return trim(number / 1e3) + 'k';
  return plain.format(number);
}

/** A rate may be a part of one. */
export const rate = number => number === undefined ? '–' : number > 0 && number < 10 ? number.toFixed(1) : count(number);

const trim = number => number >= 100 ? number.toFixed(0) : number.toFixed(1);

export function bytes(number) {
  if (number === undefined) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (number >= 1000 && unit < units.length - 1) { number /= 1000; unit++; }
  return (unit ? trim(number) : number) + ' ' + units[unit];
}

export function duration(us) {
  if (us === undefined || us === null || Number.isNaN(us)) return '–';
  if (us < 1000) return Math.round(us) + ' µs';
  if (us < 1e6) return trim(us / 1000) + ' ms';
  if (us < 12e7) return trim(us / 1e6) + ' s';
  return span(us / 1e6);
}

export function span(seconds) {
  seconds = Math.max(0, Math.round(seconds));
  if (seconds < 120) return seconds + ' s';
  if (seconds < 7200) return Math.round(seconds / 60) + ' min';
  if (seconds < 172800) return Math.round(seconds / 3600) + ' h';
  return Math.round(seconds / 86400) + ' d';
}

export const ago = ms => ms ? (Date.now() - ms < 1500 ? 'now' : span((Date.now() - ms) / 1000) + ' ago') : '–';
export const until = ms => ms > Date.now() ? 'in ' + span((ms - Date.now()) / 1000) : span((Date.now() - ms) / 1000) + ' late';
export const clock = ms => new Date(ms).toLocaleTimeString('en-GB') + '.' + String(ms % 1000 | 0).padStart(3, '0');

export const labelOf = object => object.namespace + '/' + (object.name ?? '#' + object.id);
export const linkOf = (label, part) => '#/object/' + encodeURIComponent(label) + (part ? '/' + part : '');

/** "rooms/" is less important than "lobby". */
export function nameOf(object) {
  const name = object.name ?? '#' + object.id.slice(0, 12) + '…';
  return [h('span.space', null, object.namespace + '/'), h('span.own', null, name)];
}

export function notice(message, kind = 'good') {
  const element = h('div.notice.' + kind, null, message);
  document.getElementById('notices').append(element);
  setTimeout(() => element.remove(), kind === 'bad' ? 8000 : 3000);
}
