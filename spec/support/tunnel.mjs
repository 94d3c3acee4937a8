// A tunnel for clients that know no TLS: what comes to a port of its own goes by TLS to another one,
// which has to show a certificate of CA for SERVERNAME. Prints the port.
//
//   node tunnel.mjs PORT CA SERVERNAME
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { join } from './join.mjs';

const [, , port, ca, servername] = process.argv;

const server = net.createServer({ allowHalfOpen: true }, (near) => {
  const far = tls.connect({ port, host: '127.0.0.1', servername, ca: fs.readFileSync(ca),
    allowHalfOpen: true });
  join(near, far);
});
server.listen(0, '127.0.0.1', () => console.log(`tunnel at ${server.address().port}`));
