// What has gone wrong, by the line of the script; and the log as it is written, if it can be followed.
import { h, fill, keyed, text, count, ago, clock, labelOf, linkOf, nameOf } from './dom.js';
import { watch } from './live.js';
import { has } from './app.js';

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

function makeGroup() {
  const place = h('b'), message = h('span.message'), detail = h('small'), who = h('div.who');
  return {
    element: h('li', null, h('div.row', null, place, h('span.gap'), detail), message, who),
    update(one) {
      text(place, one.place);
      text(message, one.message);
      text(detail, `${count(one.errors)} · ${ago(one.ms)}`);
      fill(who, one.objects.slice(0, 8).map(object => h('a.tag', { href: linkOf(labelOf(object)) }, nameOf(object))),
        one.objects.length > 8 && h('small', null, `and ${one.objects.length - 8} more`));
    },
  };
}

export function log(root) {
  const list = h('ul.groups'), empty = h('p.none', null, 'No object has failed.');
  const show = keyed(list, makeGroup);
  const stops = [watch('objects', { order: 'errors', limit: 200 }, answer => {
    const groups = group(answer.objects);
    show(groups, one => one.key);
    empty.hidden = groups.length > 0;
  })];
  fill(root, h('h1', null, 'Errors'), h('section.card.panel', null, list, empty));
  return () => stops.forEach(stop => stop());
}
