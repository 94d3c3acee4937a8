// Unmodified clients in one room: node's `ws`, `partysocket`, which would reconnect by itself,
// Chromium's WebSocket, and its EventSource, which would reconnect as well and only listens. To "hello X" from the room each answers "echo NAME heard X", and prints what
// comes back. Every opening and every close is printed too, so a spec sees that there was one opening
// and no close, whatever happens to the server.
//
//   OPEN_DO_NODE_MODULES=DIR node survivors.mjs URL
import { createRequire } from 'node:module';
import path from 'node:path';

const url = process.argv[2];
const require = createRequire(path.join(path.resolve(process.env.OPEN_DO_NODE_MODULES), 'from.js'));
const NodeWebSocket = require('ws');
const { default: PartySocket } = require('partysocket/ws');
const { chromium } = require('playwright-core');

setTimeout(() => process.exit(1), 120000).unref();

// Runs in node and, as its own text, in the page.
function attend(name, socket, say) {
  let opened = 0;
  socket.addEventListener('open', () => say(`${name} open ${++opened}`));
  socket.addEventListener('close', (event) => say(`${name} closed ${event.code} ${event.reason}`));
  socket.addEventListener('message', (event) => {
    const [, greeting] = /^hello (.*)$/.exec(event.data) ?? [];
    if (greeting === undefined) {
      say(event.data);
    } else {
      socket.send(`echo ${name} heard ${greeting}`);
    }
  });
}

// In the page too.
function listen(name, source, say) {
  let opened = 0;
  source.onopen = () => say(`${name} open ${++opened}`);
  source.onerror = () => say(`${name} closed`);
  source.onmessage = (event) => {
    const [, greeting] = /^hello (.*)$/.exec(event.data) ?? [];
    if (greeting !== undefined) say(`${name} heard ${greeting}`);
  };
}

const say = (text) => console.log(text);
attend('ws', new NodeWebSocket(url + '?tag=ws'), say);
attend('partysocket', new PartySocket(url + '?tag=partysocket', [], { WebSocket: NodeWebSocket }), say);

const browser = await chromium.launch({
  executablePath: process.env.OPEN_DO_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage();
await page.exposeFunction('say', say);
await page.goto(url.replace(/^ws/, 'http') + '?ask=boot'); // A page of nowhere may not connect.
await page.evaluate(`(${attend})('chromium', new WebSocket(${JSON.stringify(url + '?tag=chromium')}), say)`);
const events = url.replace(/^ws/, 'http') + '?listen=eventsource';
await page.evaluate(`(${listen})('eventsource', new EventSource(${JSON.stringify(events)}), say)`);
