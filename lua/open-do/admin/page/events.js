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

function makeRow(event) {
  const bars = PHASES.map(([phase]) => h('i.' + phase)), time = h('span.fig'), state = h('small'), detail = h('dl.phases', { hidden: true });
  const button = h('button.event', { ariaExpanded: 'false', onclick: () => {
    detail.hidden = !detail.hidden;
    button.setAttribute('aria-expanded', String(!detail.hidden));
  } }, h('span.what', null, h('b', null, event.event), state), h('span.track', null, bars), time);
  return {
    element: h('li', null, button, detail),
    update(event) {
      const all = total(event), widest = event.widest;
      button.classList.toggle('failed', event.state === 'failed');
      text(state, clock(event.ms) + (event.state === 'done' ? '' : ' · ' + event.state));
      text(time, duration(all));
      PHASES.forEach(([phase], i) => { bars[i].style.width = (event[phase + 'Us'] / widest * 100).toFixed(2) + '%'; });
      fill(detail, PHASES.map(([phase, what]) => h('div', null, h('dt', null, h('i.' + phase), phase), h('dd', null, h('b', null, duration(event[phase + 'Us'])), ' ', what))),
        h('div', null, h('dt', null, 'bytes'), h('dd', null, bytes(event.bytes))));
    },
  };
}

export function events(root, label) {
  const list = h('ol.waterfall'), note = h('p.foot');
  const show = keyed(list, makeRow);
  const legend = h('div.legend', null, PHASES.map(([phase, what]) => h('span.key.' + phase, { title: what }, phase)));
  fill(root, legend, list, note);
  return watch('events', { object: label }, answer => {
    const newest = [...answer].reverse(), widest = Math.max(1, ...newest.map(total));
    newest.forEach(event => { event.widest = widest; });
    show(newest, event => event.number);
    fill(note, newest.length ? `The last ${count(newest.length)} since somebody looks; the longest took ${duration(widest)}.`
      : 'It is watched from now on: what happens to it appears here.');
  }, problem => fill(note, problem));
}
