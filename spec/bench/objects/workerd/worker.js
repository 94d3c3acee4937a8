// The objects of bench.lua for workerd: the hibernatable WebSocket API, SQLite-backed classes, and
// the same route, /NAMESPACE/NAME.

import { DurableObject } from "cloudflare:workers";

class Socketed extends DurableObject {
  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }
}

export class Echo extends Socketed {
  webSocketMessage(ws, message) {
    ws.send(message);
  }
}

export class Broadcast extends Socketed {
  webSocketMessage(_, message) {
    for (const peer of this.ctx.getWebSockets()) peer.send(message);
  }
}

// Not awaited, as its documentation advises: the output gate holds the answer.
export class Put extends Socketed {
  webSocketMessage(ws, message) {
    this.ctx.storage.put("message", message);
    ws.send("stored");
  }
}

const KEYS = 10000;

export class Keys extends Socketed {
  fetch(request) {
    if (request.headers.get("upgrade")) return super.fetch(request);
    for (let i = 0; i < KEYS; i++) this.ctx.storage.put("key " + i, "v".repeat(64));
    return new Response("stored");
  }
  webSocketMessage(ws, message) {
    this.next = ((this.next ?? 0) + 7919) % KEYS;
    this.ctx.storage.put("key " + this.next, message);
    ws.send("stored");
  }
}

export class Counter extends DurableObject {
  async fetch() {
    const count = ((await this.ctx.storage.get("count")) ?? 0) + 1;
    this.ctx.storage.put("count", count);
    return new Response(String(count));
  }
}

export class Sql extends Socketed {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, text)");
  }
  webSocketMessage(ws, message) {
    this.ctx.storage.sql.exec("INSERT INTO message (text) VALUES (?)", message);
    ws.send("stored");
  }
}

export class SqlCounter extends DurableObject {
  fetch() {
    const sql = this.ctx.storage.sql;
    sql.exec("CREATE TABLE IF NOT EXISTS visit (id INTEGER PRIMARY KEY)");
    const row = sql.exec("INSERT INTO visit DEFAULT VALUES RETURNING id").one();
    return new Response(String(row.id));
  }
}

export class Touch extends DurableObject {
  fetch() {
    return new Response("ok");
  }
}

export default {
  fetch(request, env) {
    const [, namespace, name] = new URL(request.url).pathname.split("/");
    const binding = env[namespace];
    if (!binding || !name) return new Response("no such namespace\n", { status: 404 });
    return binding.get(binding.idFromName(name)).fetch(request);
  },
};
