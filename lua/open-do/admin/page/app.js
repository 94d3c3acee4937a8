// The page's frame: where one is, what one may, the keys, and whether open-do answers.
import { h, fill, svg, span, notice } from './dom.js';
import { ask, connect, onState } from './live.js';
import * as figures from './figures.js';
import { overview } from './overview.js';
import { objects } from './objects.js';
import { object } from './object.js';
import { log } from './log.js';

const main = document.getElementById('main'), nav = document.getElementById('nav'), about = document.getElementById('about');
let known = { role: 'read', commands: [] }, leave = () => {}, isConnected = false;

export const may = () => known.role === 'write';
export const has = command => known.commands.some(one => one.name === command);

const icon = path => svg('svg', { viewBox: '0 0 20 20', class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: path }));
const PAGES = [
  ['', 'Overview', 'M3 13l4-5 3.5 3.5L17 5M3 17h14'],
  ['objects', 'Objects', 'M4 5h12M4 10h12M4 15h12'],
  ['log', 'Log', 'M4 4h12v12H4zM7 8h6M7 11h6'],
];

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// Who types an address leaves the / of an object as it is: #/object/rooms/lobby.
function place() {
  const [path, words] = location.hash.replace(/^#\/?/, '').split('?');
  const [page, first, ...rest] = path.split('/');
  const isTyped = page === 'object' && rest.length > 0 && !/%2f/i.test(first);
  const name = isTyped ? first + '/' + rest.shift() : first;
  return { page, name: name && decoded(name), part: rest[0], words: new URLSearchParams(words ?? '') };
}

function go() {
  const { page, name, part, words } = place();
  leave();
  fill(nav, PAGES.map(([id, title, path]) => h('a', { href: '#/' + id, ariaCurrent: id === page || (id === 'objects' && page === 'object') ? 'page' : null }, icon(path), h('span', null, title))));
  document.title = (name ?? PAGES.find(([id]) => id === page)?.[1] ?? 'Overview') + ' – open-do';
  const stop = page === 'object' && name?.includes('/') ? object(main, name, part) : page === 'objects' || page === 'object' ? objects(main, words) : page === 'log' ? log(main) : overview(main);
  leave = stop ?? (() => {});
  main.dataset.page = page || 'overview';
}

function tellAbout() {
  const all = figures.now;
  fill(about, h('span.live' + (isConnected ? '.on' : ''), { role: 'status' }, isConnected ? 'live' : 'open-do does not answer'),
    all && [h('span', { title: all.status.script }, all.status.script.replace(/^.*\//, ''), ' ', h('small', null, 'version ' + all.main.version)),
      h('small', null, `${all.status.version} · up ${span(all.main.uptimeMs / 1000)}`),
      known.role === 'read' && h('small', null, 'this token may only look')]);
}

// Keys --------------------------------------------------------------------------------------------

function step(by) {
  const rows = [...main.querySelectorAll('tbody tr[tabindex], .ranking a, button.pair, button.event')];
  const at = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
}

const KEYS = {
  1: ['Overview', () => { location.hash = '#/'; }],
  2: ['Objects', () => { location.hash = '#/objects'; }],
  3: ['Log', () => { location.hash = '#/log'; }],
  '/': ['Look for', () => document.getElementById('filter')?.focus()],
  j: ['Next', () => step(1)],
  k: ['The one before', () => step(-1)],
  '[': ['Part before', () => turn(-1)],
  ']': ['Next part', () => turn(1)],
  '?': ['These keys', help],
};

function turn(by) {
  const tabs = [...main.querySelectorAll('.tabs a')];
  tabs[tabs.findIndex(tab => tab.getAttribute('aria-current')) + by]?.click();
}

function help() {
  const box = h('dialog.help', { onclose: () => box.remove() }, h('h2', null, 'Keys'), h('dl', null, Object.entries(KEYS).map(([key, [what]]) => h('div', null, h('dt', null, h('kbd', null, key)), h('dd', null, what)))),
    h('form', { method: 'dialog' }, h('button', null, 'Close')));
  document.body.append(box);
  box.showModal();
}

document.addEventListener('keydown', event => {
  if (event.key === 'Escape') return document.activeElement?.blur();
  if (event.target.matches('input:not([type=checkbox]), textarea, select') || event.metaKey || event.ctrlKey || event.altKey) return;
  const key = KEYS[event.key];
  if (key) { event.preventDefault(); key[1](); }
});

// Beginning ---------------------------------------------------------------------------------------

let hasBegun = false;
onState(now => {
  isConnected = now;
  document.documentElement.classList.toggle('away', !now && hasBegun);
  tellAbout();
  if (now) ask('commands').then(answer => {
    known = answer;
    if (!hasBegun) { hasBegun = true; figures.begin(); figures.onFigures(tellAbout); addEventListener('hashchange', go); go(); }
  }).catch(error => notice(error.message, 'bad'));
});
connect();
