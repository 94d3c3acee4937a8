// What is counted, as a history of seconds: rates, percentiles, and how busy everybody is.
import { watch } from './live.js';

export const SECONDS = 300;
export const samples = []; // Oldest first.
export let now = null;     // The last answer.
const listeners = new Set();
const BOUNDS = [100, 300, 1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7]; // µs
const KINDS = ['constructor', 'fetch', 'call', 'command', 'message', 'close', 'error', 'alarm', 'timer'];

let before = null, beforeMs = 0;

const sum = (all, name) => all.workers.reduce((total, worker) => total + (worker[name] ?? 0), 0);
const buckets = (all, name) => Array.from({ length: 13 }, (_, i) => sum(all, `${name}.${i + 1}`));

function events(all, result) {
  return KINDS.reduce((total, kind) => kind === 'constructor' ? total : total + sum(all, `event.${kind}.${result}`), 0);
}

function reading(all) {
  return {
    events: events(all, 'ok') + events(all, 'failed'),
    failed: events(all, 'failed'),
    requests: [1, 2, 3, 4, 5].reduce((total, digit) => total + sum(all, 'answers' + digit), 0),
    messagesIn: sum(all, 'messagesIn'), messagesOut: sum(all, 'messagesOut'),
    queue: buckets(all, 'queue'), run: buckets(all, 'run'), commit: buckets(all, 'commit'),
    busy: all.workers.map(worker => worker.busyUs / 1e6),
    cpu: Object.fromEntries(all.processes.map(process => [process.name, process.cpu])),
  };
}

const minus = (a, b) => a.map((value, i) => value - b[i]);

function sample(all, ms) {
  const after = reading(all), workers = all.status.workers;
  const total = name => workers.reduce((count, worker) => count + (worker[name] ?? 0), 0);
  const one = {
    ms, sockets: total('sockets'), awake: total('awake'), queued: total('queued'),
    memory: all.processes.reduce((bytes, process) => bytes + (process.resident ?? 0), 0),
  };
  if (before && after.events >= before.events) {
    const seconds = (ms - beforeMs) / 1000;
    for (const name of ['events', 'failed', 'requests', 'messagesIn', 'messagesOut'])
      one[name] = Math.max(0, after[name] - before[name]) / seconds;
    for (const name of ['queue', 'run', 'commit']) one[name] = minus(after[name], before[name]);
    one.busy = minus(after.busy, before.busy).map(busy => Math.min(1, Math.max(0, busy / seconds)));
    one.cpu = {};
    for (const [name, cpu] of Object.entries(after.cpu)) one.cpu[name] = Math.max(0, cpu - (before.cpu[name] ?? cpu)) / seconds;
  }
  before = after;
  beforeMs = ms;
  return one;
}

// The time below which a part of all were, in the last seconds; undefined: there were none.
function percentile(name, part, seconds = 5) {
  const counts = new Array(13).fill(0);
  for (const one of samples.slice(-seconds))
    one[name]?.forEach((value, i) => { counts[i] += value; });
  const all = counts.reduce((a, b) => a + b, 0);
  if (all === 0) return undefined;
  let rank = part * all;
  for (let i = 0; i < 13; i++) {
    if (rank <= counts[i] && counts[i] > 0) {
      const low = i ? BOUNDS[i - 1] : 0, high = BOUNDS[i] ?? 6e7;
      return low + (high - low) * rank / counts[i];
    }
    rank -= counts[i];
  }
  return BOUNDS[11];
}

export function begin() {
  watch('metrics', {}, all => {
    now = all;
    samples.push(sample(all, Date.now()));
    if (samples.length > SECONDS) samples.shift();
    const newest = samples.at(-1);
    for (const name of ['queue', 'run', 'commit']) {
      newest[name + '50'] = percentile(name, 0.5);
      newest[name + '99'] = percentile(name, 0.99);
    }
    for (const tell of listeners) tell();
  });
}

export function onFigures(tell) {
  listeners.add(tell);
  if (now) tell();
  return () => listeners.delete(tell);
}
