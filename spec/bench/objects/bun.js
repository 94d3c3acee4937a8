// What bun does on the same wire: Bun.serve, no objects. `put` and `counter` write to one SQLite
// file with one table for all names, committed to disk (WAL, synchronous=FULL) before the answer.
//
//   bun bun.js PORT DIRECTORY [CERTIFICATE]

import { Database } from "bun:sqlite";
import { join } from "node:path";

const [port, directory, certificate] = process.argv.slice(2);

const database = new Database(join(directory, "bench.sqlite"), { create: true });
database.exec("PRAGMA journal_mode = WAL");
database.exec("PRAGMA synchronous = FULL");
database.exec("CREATE TABLE message (name TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID");
database.exec("CREATE TABLE counter (name TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID");
const put = database.query("INSERT OR REPLACE INTO message VALUES (?, ?)");
const increment = database.query(
  "INSERT INTO counter VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count",
);

const onMessage = {
  echo: (ws, message) => ws.send(message),
  broadcast: (ws, message) => server.publish(ws.data.name, message),
  put: (ws, message) => {
    put.run(ws.data.name, message);
    ws.send("stored");
  },
};

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  tls: certificate && {
    cert: Bun.file(certificate + ".crt"),
    key: Bun.file(certificate + ".key"),
  },
  fetch(request, self) {
    const [, kind, name] = new URL(request.url).pathname.split("/");
    if (kind === "counter") return new Response(String(increment.get(name).count));
    if (kind === "touch") return new Response("ok");
    if (onMessage[kind] && self.upgrade(request, { data: { kind, name } })) return;
    return new Response("not here\n", { status: 404 });
  },
  websocket: {
    open: (ws) => ws.data.kind === "broadcast" && ws.subscribe(ws.data.name),
    message: (ws, message) => onMessage[ws.data.kind](ws, message),
  },
});
