// Carries MQTT's bytes between TCP and WebSocket, for programs that speak only the former.
//
//   node bridge.mjs PORT WEBSOCKET_URL     with port 0 it takes a free one, and says which
import net from 'node:net';
import { require } from './support.mjs';

const WebSocket = require('ws');
const [port, url] = process.argv.slice(2);

const server = net.createServer(program => {
  const broker = WebSocket.createWebSocketStream(new WebSocket(url, 'mqtt'));
  program.pipe(broker).pipe(program);
  program.on('error', () => broker.destroy()).on('close', () => broker.end());
  broker.on('error', () => program.destroy());
});
server.listen(Number(port), '127.0.0.1', () => console.log(`bridge on port ${server.address().port}`));
