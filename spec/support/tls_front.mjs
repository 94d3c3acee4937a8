// A front that takes TLS from clients and passes what they say on to a plain port. Prints its own.
//
//   node tls_front.mjs PORT KEY CERTIFICATE
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { join } from './join.mjs';

const [, , port, key, cert] = process.argv;

const server = tls.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert),
  allowHalfOpen: true }, (near) => {
  const far = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  join(near, far);
});
server.on('tlsClientError', () => {});
server.listen(0, () => console.log(`front at ${server.address().port}`));
