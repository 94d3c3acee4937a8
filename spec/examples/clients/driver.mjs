// Clients from npm that do what a spec says (spec/support/npm.lua): it listens on a port of its own,
// reads a line of JSON for each wish and answers with one, in the order in which they are done.
// An empty line ends it.
//
//   OPEN_DO_NODE_MODULES=DIR node driver.mjs LIBRARY
//
//   {"client":"Ann","verb":"open","args":["http://127.0.0.1:8787"]}   ->  {"value":null}
//   {"client":"Ann","verb":"hear","args":[2]}                         ->  {"value":["a","b"]}
//
// LIBRARY.mjs beside this file exports a class with the verbs; each client is an instance.
import net from 'node:net';
import readline from 'node:readline';

const SECONDS = 60; // A deadline, for machines that are busy.
const { default: Client } = await import(`./${process.argv[2]}.mjs`);
const clients = {};

function within(seconds, what, promise) {
  const late = new Promise((_, reject) =>
    setTimeout(() => reject(new Error(`${what()} took more than ${seconds} s`)), seconds * 1000).unref());
  return Promise.race([promise, late]);
}

async function obey({ client, verb, args }) {
  const one = clients[client] ??= new Client(client);
  const what = () => `${client}: ${verb}(${JSON.stringify(args)}), which has heard ${JSON.stringify(one.heard?.items)},`;
  try {
    return { value: await within(SECONDS, what, one[verb](...args)) ?? null };
  } catch (error) {
    return { problem: String(error?.message ?? error) };
  }
}

process.on('uncaughtException', error => { console.error(error); process.exit(1); });

const server = net.createServer(spec => {
  readline.createInterface({ input: spec }).on('line', async line => {
    if (line === '') process.exit(0);
    spec.write(JSON.stringify(await obey(JSON.parse(line))) + '\n');
  });
  spec.on('close', () => process.exit(0));
  spec.on('error', () => process.exit(0));
});
server.listen(0, '127.0.0.1', () => console.log(`driver on port ${server.address().port}`));
