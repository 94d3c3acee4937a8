// A front that takes TLS from clients and passes what they say on to a plain port. Prints its own.
//
//   node tls_front.mjs PORT KEY CERTIFICATE [WORD]
//
// With a WORD a client begins without TLS: he says a line, is answered with WORD and a line's end, and
// then TLS begins.
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { join } from './join.mjs';

const [, , port, key, cert, word] = process.argv;
const options = { key: fs.readFileSync(key), cert: fs.readFileSync(cert), allowHalfOpen: true };

function passOn(near) {
  join(near, net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
}

// What follows the line is of TLS already, and stays where it is until that reads it.
function greet(near) {
  const said = near.read();
  if (said === null) {
    near.once('readable', () => greet(near));
    return;
  }
  const size = said.indexOf('\n') + 1;
  if (size < said.length) {
    near.unshift(said.subarray(size));
  }
  near.write(`${JSON.parse(`"${word}"`)}\r\n`);
  const secure = new tls.TLSSocket(near, { ...options, isServer: true });
  secure.on('error', () => near.destroy());
  secure.once('secure', () => passOn(secure));
}

const server = word === undefined ? tls.createServer(options, passOn)
  : net.createServer({ allowHalfOpen: true }, greet);
server.on('tlsClientError', () => {});
server.listen(0, () => console.log(`front at ${server.address().port}`));
