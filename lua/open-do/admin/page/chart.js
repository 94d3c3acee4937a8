// Lines over the last minutes, as SVG: a small one in a tile, a large one with axes and a reading.
import { h, svg, fill } from './dom.js';
import { samples, SECONDS } from './figures.js';

const WIDTH = 600;

function points(values, height, top, seconds = SECONDS) {
  const step = WIDTH / (seconds - 1), offset = seconds - values.length;
  const parts = [];
  let isBroken = true;
  values.forEach((value, i) => {
    if (value === undefined || value === null) { isBroken = true; return; }
    const x = ((offset + i) * step).toFixed(1), y = (height - value / top * height).toFixed(1);
    parts.push((isBroken ? 'M' : 'L') + x + ' ' + y);
    isBroken = false;
  });
  return parts.join('');
}

function area(values, height, top, seconds = SECONDS) {
  const first = values.findIndex(value => value !== undefined);
  if (first < 0) return '';
  const step = WIDTH / (seconds - 1), offset = seconds - values.length;
  const line = points(values.slice(first).map(value => value ?? 0), height, top, seconds);
  return `${line}L${WIDTH} ${height}L${((offset + first) * step).toFixed(1)} ${height}Z`;
}

// A scale that ends with a round number.
function round(value, least) {
  value = Math.max(value, least);
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 2, 5, 10]) if (value <= step * power) return step * power;
  return value;
}

const SPARK_SECONDS = 90;

export function spark(read) {
  const height = 32, line = svg('path', { class: 'line' }), below = svg('path', { class: 'area' });
  const element = svg('svg', { class: 'spark', viewBox: `0 -2 ${WIDTH} ${height + 4}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    below, line);
  return {
    element,
    update() {
      const values = samples.slice(-SPARK_SECONDS).map(read), top = Math.max(1e-9, ...values.filter(value => value !== undefined)) * 1.05;
      line.setAttribute('d', points(values, height, top, SPARK_SECONDS));
      below.setAttribute('d', area(values, height, top, SPARK_SECONDS));
    },
  };
}

/** series: [{ name, kind, read(sample, index) }]; format(value) */
export function chart({ title, series, format, least = 1 }) {
  const height = 150;
  const lines = series.map(one => ({ ...one,
    line: svg('path', { class: 'line ' + one.kind }),
    area: one.isFilled ? svg('path', { class: 'area ' + one.kind }) : null,
    value: h('b', null, '–') }));
  const cross = svg('line', { class: 'cross', y1: 0, y2: height, visibility: 'hidden' });
  const grid = [0.5, 1].map(part => svg('line', { class: 'grid', x1: 0, x2: WIDTH, y1: height - part * height, y2: height - part * height }));
  const drawing = svg('svg', { viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    grid, lines.map(one => one.area), lines.map(one => one.line), cross);
  const ticks = [h('span'), h('span'), h('span', null, '0')], when = h('span.when');
  const legend = h('div.legend', null, lines.map(one => h('span.key.' + one.kind, null, one.name + ' ', one.value)), when);
  const plot = h('div.plot', null, drawing, h('div.ticks', { ariaHidden: 'true' }, ticks));
  const element = h('section.card.chart', null, h('header', null, h('h2', null, title), legend), plot,
    h('div.times', { ariaHidden: 'true' }, ['5 min', '4', '3', '2', '1', 'now'].map(label => h('span', null, label))));
  let at = null, values = lines.map(() => []);

  function read() {
    const index = at === null ? samples.length - 1 : at;
    lines.forEach((one, i) => fill(one.value, values[i][index] === undefined ? '–' : format(values[i][index])));
    fill(when, at === null || !samples[at] ? '' : Math.round((Date.now() - samples[at].ms) / 1000) + ' s ago');
  }
  plot.addEventListener('pointermove', event => {
    const box = drawing.getBoundingClientRect();
    const second = Math.round((event.clientX - box.left) / box.width * (SECONDS - 1));
    const index = second - (SECONDS - samples.length);
    at = index >= 0 && index < samples.length ? index : null;
    cross.setAttribute('visibility', at === null ? 'hidden' : 'visible');
    for (const end of ['x1', 'x2']) cross.setAttribute(end, second * WIDTH / (SECONDS - 1));
    read();
  });
  plot.addEventListener('pointerleave', () => { at = null; cross.setAttribute('visibility', 'hidden'); read(); });
  return {
    element,
    update() {
      values = lines.map(one => samples.map(one.read));
      const top = round(Math.max(0, ...values.flat().filter(value => value !== undefined)) * 1.02, least);
      lines.forEach((one, i) => {
        one.line.setAttribute('d', points(values[i], height, top));
        one.area?.setAttribute('d', area(values[i], height, top));
      });
      fill(ticks[0], format(top));
      fill(ticks[1], format(top / 2));
      read();
    },
  };
}
