// The messages of an object's sockets, in both directions, while somebody looks.
import { h, fill, bytes, clock, count } from './dom.js';
import { ask } from './live.js';

const LINES_MAX = 500;
const ARROWS = { in: '→', out: '←', closed: '→ close', close: '← close' };

// A text that is not UTF-8, or one that was cut in the middle of a letter, comes as base64.
const textOf = shown => typeof shown === 'string' ? shown : new TextDecoder().decode(Uint8Array.from(atob(shown.$base64), one => one.charCodeAt(0)));

function line(message) {
  const shown = textOf(message.shown), isCut = message.bytes > 256;
  return h('li.is-' + message.kind, null, h('time', null, clock(message.ms)), h('span.level', null, '#' + message.socket),
    h('div', null, h('b', null, ARROWS[message.kind] ?? message.kind), ' ', message.code ? message.code + ' ' : '', message.binary ? h('small', null, bytes(message.bytes), ' binary') : shown, isCut && !message.binary && h('small', null, ` … ${bytes(message.bytes)}`)));
}

export function messages(root, label) {
  const list = h('ol.lines'), note = h('span.foot');
  let isOver = false, after = 0, total = 0;
  fill(root, h('div.row', null, note), list);
  (async () => {
    while (!isOver) {
      try {
        const news = await ask('sockets.watch', { object: label, after });
        const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
        if (news.length) after = news.at(-1).number;
        total += news.length;
        list.append(...news.map(line));
        while (list.childElementCount > LINES_MAX) list.firstChild.remove();
        if (isAtEnd) list.scrollTop = list.scrollHeight;
        fill(note, total ? count(total) + ' since you look' : 'It is watched from now on.');
      } catch (error) {
        fill(note, error.message);
      }
      await new Promise(resolve => setTimeout(resolve, 500));
    }
  })();
  return () => { isOver = true; };
}
