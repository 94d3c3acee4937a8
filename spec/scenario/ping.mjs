// Two WebSockets of node's `ws`: one answers pings, as everybody's does, the other is mute. What happens to
// them is printed; when the mute one is closed, the other is asked to prove that it lives.
//
//   OPEN_DO_NODE_MODULES=DIR node ping.mjs URL
import { createRequire } from 'node:module';
import path from 'node:path';

const url = process.argv[2];
const WebSocket = createRequire(path.join(path.resolve(process.env.OPEN_DO_NODE_MODULES), 'from.js'))('ws');
setTimeout(() => process.exit(1), 60000).unref();

function open(name, options) {
  const socket = new WebSocket(url, options);
  socket.on('open', () => console.log(`${name} is open`));
  socket.on('ping', () => console.log(`${name} was asked`));
  socket.on('message', (text) => {
    console.log(`${name} heard ${text}`);
    socket.close(1000);
  });
  socket.on('error', (error) => console.log(`${name} failed: ${error.message}`));
  socket.on('close', (code) => console.log(`${name} was closed: ${code}`));
  return socket;
}

const answering = open('answering', {});
answering.on('open', () => {
  open('mute', { autoPong: false }).on('close', () => answering.send('alive'));
});
