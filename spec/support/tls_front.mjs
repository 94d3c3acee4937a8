// A front that takes TLS from clients and passes what they say on to a plain port. Prints its own.
//
//   node tls_front.mjs PORT KEY CERTIFICATE
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

const [, , port, key, cert] = process.argv;

const server = tls.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert),
  allowHalfOpen: true }, (near) => {
  const far = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  near.setNoDelay(true);
  far.setNoDelay(true);
  near.pipe(far);
  far.pipe(near);
  near.on('error', () => far.destroy());
  far.on('error', () => near.destroy());
  near.on('close', () => far.destroy());
  far.on('close', () => near.destroy());
});
server.on('tlsClientError', () => {});
server.listen(0, () => console.log(`front at ${server.address().port}`));
