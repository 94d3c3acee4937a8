// 2,000 messages of mixed sizes and kinds over one compressed WebSocket of node's `ws`, eight in flight,
// each compared with its echo; then a proper close.
//
//   OPEN_DO_NODE_MODULES=DIR node clients.mjs URL
import { createRequire } from 'node:module';
import path from 'node:path';

const url = process.argv[2];
const WebSocket = createRequire(path.join(path.resolve(process.env.OPEN_DO_NODE_MODULES), 'from.js'))('ws');
const COUNT = 2000;
const IN_FLIGHT = 8;
const SIZES = [0, 1, 5, 125, 126, 127, 1000, 1024, 4096, 16384, 65535, 65536, 200000];

function fail(text) {
  console.log(`FAILED: ${text}`);
  process.exit(1);
}
setTimeout(() => fail('it did not end within 60 seconds'), 60000).unref();

// Half of them compress well, the others not at all; the same in each run.
let seed = 12345;
function random() {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return seed;
}
function message(i) {
  const size = SIZES[i % SIZES.length] + (i % 7);
  if (i % 2 === 0) {
    return `message ${i} `.repeat(Math.ceil(size / 10)).slice(0, size);
  }
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at++) {
    bytes[at] = random() >> 16;
  }
  return bytes;
}

const socket = new WebSocket(url, { perMessageDeflate: { threshold: 0 } });
const waiting = [];
let sent = 0;
let received = 0;

function send() {
  while (sent < COUNT && waiting.length < IN_FLIGHT) {
    const next = message(sent++);
    waiting.push(next);
    socket.send(next);
  }
}

socket.on('open', () => {
  console.log(`extensions ${socket.extensions}`);
  send();
});
socket.on('message', (data, isBinary) => {
  const expected = waiting.shift();
  if (expected === undefined) {
    fail('a message that nobody sent');
  }
  if (isBinary !== (typeof expected !== 'string')) {
    fail(`message ${received} came back as the other kind`);
  }
  if (!Buffer.from(expected).equals(data)) {
    fail(`message ${received} of ${expected.length} bytes came back as ${data.length} bytes or changed`);
  }
  received++;
  if (received === COUNT) {
    socket.close(3000, 'enough');
  } else {
    send();
  }
});
socket.on('error', (error) => fail(error.message));
socket.on('close', (code, reason) => {
  console.log(`received ${received}, closed ${code} ${reason}`);
});
