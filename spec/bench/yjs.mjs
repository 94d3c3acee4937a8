// People who type in rooms of the yjs example, two in each: four letters a second, and with each
// letter where the cursor is now, as y-codemirror.next does it. Frames and updates are put
// together by hand: clients of the real library would need more of the machine than the server.
//
//   node yjs.mjs URL SECONDS PID,PID,...   (started by yjs.lua)
//
// Prints a line for each number of rooms, and then the largest whose p99 was within 50 ms.
import fs from 'node:fs';
import net from 'node:net';

const [base, secondsText, pidsText] = process.argv.slice(2);
const SECONDS = Number(secondsText), PIDS = pidsText.split(',');
const { hostname, port } = new URL(base);
const LETTER_MS = 250, TICK_MS = 5, LIMIT_MS = 50, LAST_MS = 26000;
const STEPS = [50, 100, 200, 400, 700, 1000, 1200, 1400, 1600, 1800, 2000, 2300, 2600, 3000, 3500, 4000];

// ---- Bytes: var-ints, y-websocket's messages, WebSocket frames

function uint(number) {
  const out = [];
  for (; number > 127; number = Math.floor(number / 128)) out.push(number % 128 + 128);
  return [...out, number];
}

const sized = bytes => [...uint(bytes.length), ...bytes];

// One letter behind the last one of the same person; the first hangs in the text itself.
function letterMessage(client, clock) {
  const place = clock === 0 ? [0x04, 1, ...sized([...Buffer.from('text')])] : [0x84, ...uint(client), ...uint(clock - 1)];
  return [0, 2, ...sized([1, 1, ...uint(client), ...uint(clock), ...place, 1, 97 + clock % 26, 0])];
}

function cursorMessage(client, clock) {
  const at = { type: null, tname: 'text', item: { client, clock: Math.max(clock - 1, 0) }, assoc: 0 };
  const state = JSON.stringify({ user: { name: 'Somebody', color: '#3b78d8' }, cursor: { anchor: at, head: at } });
  return [1, ...sized([1, ...uint(client), ...uint(clock + 1), ...sized([...Buffer.from(state)])])];
}

function frame(bytes) {
  const head = bytes.length < 126 ? [0x82, 0x80 + bytes.length] : [0x82, 0xfe, bytes.length >> 8, bytes.length & 255];
  return Buffer.from([...head, 0, 0, 0, 0, ...bytes]);
}

// ---- A person

const latencies = [];
let strangers = 0;

class Person {
  clock = 0;
  sentAt = []; // Of the letters that the other has not seen.
  rest = Buffer.alloc(0);

  constructor(room, client) {
    this.client = client;
    this.ready = new Promise((resolve, reject) => {
      this.socket = net.connect({ host: hostname, port, noDelay: true }, () => this.socket.write(
        `GET /docs/bench-${room} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'));
      this.socket.on('error', reject);
      this.socket.on('data', bytes => this.read(bytes, resolve));
    });
  }

  read(bytes, opened) {
    let all = this.rest.length ? Buffer.concat([this.rest, bytes]) : bytes, at = 0;
    if (!this.isOpen) {
      const end = all.indexOf('\r\n\r\n');
      if (end < 0) { this.rest = all; return; }
      this.isOpen = true;
      at = end + 4;
      opened();
    }
    while (all.length - at >= 2) {
      let size = all[at + 1], from = at + 2;
      if (size === 126) {
        if (all.length - at < 4) break;
        size = all.readUInt16BE(from);
        from += 2;
      }
      if (all.length - from < size) break;
      if ((all[at] & 15) === 2 && all[from] === 0 && all[from + 1] === 2) this.see();
      at = from + size;
    }
    this.rest = all.subarray(at);
  }

  // A letter of the other came; they come in the order in which they were typed.
  see() {
    const sent = this.other.sentAt.shift();
    if (sent === undefined) strangers++;
    else latencies.push(performance.now() - sent);
  }

  type() {
    this.sentAt.push(performance.now());
    this.socket.write(Buffer.concat([frame(letterMessage(this.client, this.clock)), frame(cursorMessage(this.client, this.clock))]));
    this.clock++;
  }
}

// ---- The ramp

// Processor time of the server, in seconds.
const cpuSeconds = () => PIDS.reduce((sum, pid) => {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return sum + (Number(fields[11]) + Number(fields[12])) / 100;
}, 0);

const people = [];
async function grow(rooms) {
  for (let room = people.length / 2; room < rooms; room++) {
    const pair = [0, 1].map(i => new Person(room, 1e6 + room * 2 + i));
    [pair[0].other, pair[1].other] = [pair[1], pair[0]];
    people.push(...pair);
  }
  await Promise.all(people.map(person => person.ready));
}

// Everybody types in a moment of their own: as many in each tick.
let typed = 0;
let typedUntil = performance.now();
setInterval(() => {
  const due = Math.min((performance.now() - typedUntil) / LETTER_MS, 1) * people.length;
  for (let i = 0; i < Math.floor(due); i++) people[typed++ % people.length].type();
  typedUntil += Math.floor(due) / Math.max(people.length, 1) * LETTER_MS;
  if (people.length === 0) typedUntil = performance.now();
}, TICK_MS);

const pause = seconds => new Promise(resolve => setTimeout(resolve, seconds * 1000));
const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;

const began = performance.now();
let best = 0;
console.log('rooms  letters/s  p50 ms  p99 ms  server CPU  letters per CPU second  typists CPU');
let again = true; // A figure over the limit is taken once more: something else may have been running.
for (let step = 0; step < STEPS.length; step++) {
  const rooms = STEPS[step];
  await grow(rooms);
  await pause(0.5);
  latencies.length = 0;
  const cpu = cpuSeconds(), own = process.cpuUsage(), from = performance.now();
  await pause(SECONDS);
  const seconds = (performance.now() - from) / 1000, busy = (cpuSeconds() - cpu) / seconds;
  const mine = process.cpuUsage(own), sorted = Float64Array.from(latencies).sort();
  const [p50, p99] = [percentile(sorted, 0.5), percentile(sorted, 0.99)];
  console.log([String(rooms).padStart(5), (sorted.length / seconds).toFixed(0).padStart(10), p50.toFixed(1).padStart(7),
    p99.toFixed(1).padStart(7), (busy * 100).toFixed(0).padStart(9) + ' %', (sorted.length / seconds / busy).toFixed(0).padStart(23),
    ((mine.user + mine.system) / seconds / 1e4).toFixed(0).padStart(10) + ' %'].join(' '));
  if (strangers > 0 || performance.now() - began > LAST_MS) break;
  if (p99 <= LIMIT_MS) best = rooms;
  else if (again) { again = false; step--; }
  else break;
}
if (strangers > 0) console.log(`WRONG: ${strangers} letters that nobody had typed`);
console.log(`${best} rooms with two typists each: p99 within ${LIMIT_MS} ms`);
process.exit(strangers > 0 ? 1 : 0);
