// The last events of an object, each as a waterfall: queue, run, wait, commit, send.
import { h, fill, keyed, text, bytes, count, clock, duration } from './dom.js';
import { watch } from './live.js';

const PHASES = [
  ['queue', 'until its handler began'],
  ['run', 'in Lua'],
  ['wait', 'for what the handler asked for'],
  ['commit', 'until its writes were on disk'],
  ['send', 'until what it sent had left'],
];

const total = event => PHASES.reduce((us, [phase]) => us + event[phase + 'Us'], 0);
const percent = (us, all) => (us / Math.max(1, all) * 100).toFixed(2) + '%';

// Each phase in a line of its own, below where the one before it ended.
function steps(event) {
  const all = total(event);
  let began = 0;
  return [PHASES.map(([phase, what]) => {
    const us = event[phase + 'Us'], bar = h('i.' + phase);
    bar.style.marginLeft = percent(began, all);
    bar.style.width = percent(us, all);
    bar.style.minWidth = us > 0 ? '2px' : '0';
    began += us;
    return h('div', null, h('dt', null, phase), h('dd', null, duration(us)), h('span.track', { title: what }, bar), h('small', null, what));
  }), h('div', null, h('dt', null, 'came'), h('dd', null, bytes(event.bytes)), h('small', null, 'at ' + clock(event.ms)))];
}

function makeRow(event, tellOpen) {
  const bars = PHASES.map(([phase]) => h('i.' + phase)), time = h('span.fig'), state = h('small'), detail = h('dl.steps', { hidden: true });
  let now = event;
  const button = h('button.event', { ariaExpanded: 'false', onclick: () => {
    detail.hidden = !detail.hidden;
    button.setAttribute('aria-expanded', String(!detail.hidden));
    if (!detail.hidden) fill(detail, steps(now));
    tellOpen();
  } }, h('span.what', null, h('b', null, event.event), state), h('span.track', null, bars), time);
  return {
    element: h('li', null, button, detail),
    update(event) {
      now = event;
      button.classList.toggle('failed', event.state === 'failed');
      text(state, (event.state === 'done' ? '' : event.state + ' · ') + clock(event.ms));
      text(time, duration(total(event)));
      PHASES.forEach(([phase], i) => { bars[i].style.width = percent(event[phase + 'Us'], event.widest); });
    },
  };
}

export function events(root, label) {
  const list = h('ol.waterfall'), note = h('p.foot');
  let newest = [];
  const show = keyed(list, event => makeRow(event, render));
  function render() {
    const isOpen = list.querySelector('[aria-expanded=true]') !== null; // What is read does not move away.
    const widest = Math.max(1, ...newest.map(total));
    newest.forEach(event => { event.widest = widest; });
    if (!isOpen) show(newest, event => event.number);
    fill(note, isOpen ? 'It stands still while one is open.' : newest.length ? `The last ${count(newest.length)}, newest first; the longest took ${duration(widest)}.`
      : 'It is watched from now on: what happens to it appears here.');
  }
  const legend = h('div.legend', null, PHASES.map(([phase, what]) => h('span.key.' + phase, { title: what }, phase)), h('span.gap'), note);
  fill(root, legend, list);
  return watch('events', { object: label }, answer => { newest = answer.reverse(); render(); }, problem => fill(note, problem));
}
