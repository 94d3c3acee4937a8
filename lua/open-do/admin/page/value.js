// Values as JSON in colours, and an editor for one.
import { h, fill } from './dom.js';

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)/g;

/** Spans of the text of a value. */
export function coloured(source) {
  const parts = [];
  let at = 0;
  for (const match of source.matchAll(TOKEN)) {
    parts.push(source.slice(at, match.index));
    const [whole, string, colon, number] = match;
    if (string) parts.push(h(colon ? 'span.key' : 'span.string', null, string), colon ?? '');
    else parts.push(h(number ? 'span.num' : 'span.word', null, whole));
    at = match.index + whole.length;
  }
  parts.push(source.slice(at));
  return parts;
}

export const oneLine = (value, most = 160) => {
  const source = (JSON.stringify(value, null, 1) ?? '').replace(/\n */g, ' ');
  return source.length > most ? source.slice(0, most) + '…' : source;
};

export const pretty = value => JSON.stringify(value, null, 2) ?? '';

/** A text of JSON that can be saved: `save(value)` gives a promise. */
export function editor({ value, save, label, actions }) {
  const problem = h('p.problem', { role: 'alert' });
  const area = h('textarea.code', { value: pretty(value), spellcheck: false, ariaLabel: label, rows: Math.min(18, pretty(value).split('\n').length + 1),
    oninput: () => { button.disabled = area.value === pretty(value); look(); },
    onkeydown: event => { if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) store(); } });
  const button = h('button.primary', { onclick: store, disabled: true }, 'Save');
  function look() {
    try { JSON.parse(area.value); fill(problem); return true; } catch (error) { fill(problem, error.message); return false; }
  }
  async function store() {
    if (!look()) return;
    button.disabled = true;
    try { await save(JSON.parse(area.value)); value = JSON.parse(area.value); } catch (error) { fill(problem, error.message); button.disabled = false; }
  }
  return h('div.editor', null, area, problem, h('div.row', null, button, h('small', null, 'Ctrl Enter'), h('span.gap'), actions));
}
