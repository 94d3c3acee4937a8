// The program as a whole, and what in it wants to be looked at.
import { h, fill, keyed, text, count, rate, bytes, duration, span, ago, labelOf, linkOf, nameOf } from './dom.js';
import { watch } from './live.js';
import { chart, spark } from './chart.js';
import * as figures from './figures.js';

const last = () => figures.samples.at(-1) ?? {};

function tile(name, value, detail, read) {
  const number = h('strong', null, '–'), small = h('small'), line = spark(read);
  return {
    element: h('div.tile', null, h('span', null, name), number, small, line.element),
    update() {
      text(number, value());
      text(small, detail());
      line.update();
    },
  };
}

const tiles = () => [
  tile('Events per second', () => rate(last().events), () => rate(last().failed ?? 0) + ' failed', one => one.events),
  tile('Commit', () => duration(last().commit50), () => 'p99 ' + duration(last().commit99), one => one.commit99),
  tile('Queue', () => duration(last().queue99), () => 'p99 · run p99 ' + duration(last().run99), one => one.queue99),
  tile('Sockets', () => count(last().sockets), () => rate(last().messagesIn) + ' in, ' + rate(last().messagesOut) + ' out per s', one => one.sockets),
  tile('Objects awake', () => count(last().awake), () => count(figures.now?.main.stored) + ' stored', one => one.awake),
  tile('Memory', () => bytes(last().memory), () => bytes((figures.now?.main.diskBytes ?? 0) + (figures.now?.main.historyBytes ?? 0)) + ' on disk', one => one.memory),
];

// What has gone wrong since the start, if anything.
function strip() {
  const element = h('div.strip');
  const facts = () => {
    const main = figures.now.main, all = name => figures.now.workers.reduce((total, worker) => total + worker[name], 0);
    const silent = figures.now.status.workers.filter(worker => !worker.answers).length;
    return [
      [silent, silent === 1 ? 'worker does not answer' : 'workers do not answer'],
      [main['deaths.stuck'] + main['deaths.killed'] + main['deaths.crash'] + main['deaths.exit'], 'workers had to be replaced'],
      [main.failedGroups, 'commits failed'],
      [main.reloadFailures, 'versions of the script were refused'],
      [all('resets'), 'objects were reset'],
      [all('slowReaders'), 'slow readers were closed'],
      [all('diskBehind'), 'waits for the disk'],
      [all('memoryRelief'), 'times script memory was short'],
      [main.refusedConnections, 'connections over the limit'],
      [main.alarmLateMs > 2000 ? 1 : 0, `alarm is ${span((main.alarmLateMs ?? 0) / 1000)} late`],
    ].filter(([number]) => number > 0);
  };
  return {
    element,
    update() {
      fill(element, facts().map(([number, what]) => h('span.mark', null, h('b', null, count(number)), ' ', what)));
    },
  };
}

function meter(part, kind) {
  const bar = h('i');
  bar.style.width = Math.min(100, part * 100).toFixed(1) + '%';
  return h('span.meter' + (part > 0.9 ? '.full' : kind ? '.' + kind : ''), { title: (part * 100).toFixed(1) + ' %' }, bar);
}

const silence = { ready: 'does not answer', starting: 'is starting', stopping: 'is stopping', ended: 'has ended' };

function workerRow(worker, i) {
  const one = last(), process = figures.now.processes.find(each => each.name === 'worker-' + worker.worker) ?? {};
  if (!worker.answers)
    return h('tr.silent', null, h('td', null, 'Worker ' + worker.worker), h('td', { colSpan: 6 }, worker.cannotStart ? 'cannot start: ' + worker.cannotStart.why : silence[worker.state]));
  const used = worker.memoryBytes / worker.memoryBytesMax;
  return h('tr', null,
    h('td', null, 'Worker ' + worker.worker, h('small', null, 'pid ' + worker.pid)),
    h('td', null, meter(one.busy?.[i] ?? 0), h('span.fig', null, ((one.busy?.[i] ?? 0) * 100).toFixed(0) + ' %')),
    h('td.wide', null, meter(used), h('span.fig', null, bytes(worker.memoryBytes))),
    h('td.number', null, count(worker.awake)), h('td.number', null, count(worker.sockets)),
    h('td.number', null, count(worker.queued)), h('td.number.wide', null, bytes(process.resident)));
}

function workers() {
  const body = h('tbody');
  const head = ['', 'Busy', 'Script memory', 'Awake', 'Sockets', 'Queued', 'Resident'];
  return {
    element: h('section.card', null, h('header', null, h('h2', null, 'Workers')), h('div.scroll', null,
      h('table.workers', null, h('thead', null, h('tr', null, head.map((name, i) => h('th' + (i > 2 ? '.number' : '') + (i === 2 || i === 6 ? '.wide' : ''), null, name)))), body))),
    update() { fill(body, figures.now.status.workers.map(workerRow)); },
  };
}

// The first few objects in an order, each a link.
function ranking(title, order, none, describe, isWanted, stops) {
  const list = h('ol.ranking'), empty = h('p.none', null, none);
  const show = keyed(list, object => {
    const value = h('b'), detail = h('small');
    return {
      element: h('li', null, h('a', { href: linkOf(labelOf(object)) }, h('span.name', null, nameOf(object)), value, detail)),
      update(object) { const [a, b] = describe(object); text(value, a); text(detail, b); },
    };
  });
  stops.push(watch('objects', { order, limit: 6 }, answer => {
    const objects = (answer.objects).filter(isWanted);
    show(objects, object => object.namespace + object.id);
    empty.hidden = objects.length > 0;
  }));
  return h('section.card', null, h('header', null, h('h2', null, title), h('a.more', { href: '#/objects?order=' + order }, 'All')), list, empty);
}

export function overview(root) {
  const stops = [];
  const all = tiles(), marks = strip(), table = workers();
  const events = chart({ title: 'Events per second', format: rate, least: 5, series: [
    { name: 'handled', kind: 'accent', isFilled: true, read: one => one.events },
    { name: 'failed', kind: 'fail', read: one => one.failed },
  ] });
  const times = chart({ title: 'Latency, p99', format: duration, least: 1000, series: [
    { name: 'queue', kind: 'queue', read: one => one.queue99 },
    { name: 'run', kind: 'run', read: one => one.run99 },
    { name: 'commit', kind: 'commit', read: one => one.commit99 },
  ] });
  fill(root, h('h1.unseen', null, 'Overview'), marks.element, h('div.tiles', null, all.map(one => one.element)),
    h('div.pair', null, events.element, times.element),
    h('div.pair', null,
      ranking('Slowest objects', 'slowest', 'Nothing has run yet.', object => [duration(object.slowestUs), object.lastEvent ? `${object.lastEvent} ${ago(object.lastEventMs)}` : ''],
        object => object.slowestUs > 0, stops),
      ranking('Errors', 'errors', 'No object has failed.', object => [count(object.errors), (object.lastErrorAt ? object.lastErrorAt + '  ' : '') + (object.lastError ?? '')],
        object => object.errors > 0, stops)),
    table.element);
  stops.push(figures.onFigures(() => [...all, marks, events, times, table].forEach(one => one.update())));
  return () => stops.forEach(stop => stop());
}
