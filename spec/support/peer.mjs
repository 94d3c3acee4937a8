// A server of the outside world, for specs of od.fetch. It says on its output what it sees, so a
// spec can wait for that: "GET /hold", "gone /hold".
//
//   node peer.mjs [KEY CERTIFICATE]     prints "peer on PORT PORT": http and https (0: none)

import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createServer as createRawServer } from "node:net";
import { readFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";

const [key, certificate] = process.argv.slice(2);
const held = new Set();
let connections = 0;
let running = 0;
let most = 0;

const say = (...words) => console.log(words.join(" "));

const zeros = (count) => Buffer.alloc(Number(count), "x");

// What the server saw of a request, with the names of its fields as they came.
function mirror(request, response, query, body) {
  const text = JSON.stringify({
    method: request.method, url: request.url, fields: request.rawHeaders,
    body: body.toString("latin1"), connections,
  });
  response.setHeader("content-type", "application/json");
  response.end(text);
}

const routes = {
  "/mirror": mirror,
  "/status"(request, response, query) {
    response.writeHead(Number(query.get("code")), { "x-kind": "status" });
    response.end(query.get("body") ?? undefined);
  },
  "/redirect"(request, response, query) {
    response.writeHead(Number(query.get("status") ?? 302), { location: query.get("to") });
    response.end("moved");
  },
  "/loop"(request, response) {
    response.writeHead(302, { location: "/loop" });
    response.end();
  },
  "/count-down"(request, response, query) {
    const left = Number(query.get("left"));
    response.writeHead(left > 0 ? 302 : 200, { location: `/count-down?left=${left - 1}` });
    response.end(left > 0 ? "more" : "landed");
  },
  "/cookies"(request, response) {
    response.setHeader("set-cookie", ["a=1; Path=/", "b=2"]);
    response.end("eat");
  },
  "/gzip"(request, response) {
    response.setHeader("content-encoding", "gzip");
    response.end(gzipSync("a small text, again a small text"));
  },
  "/br"(request, response) {
    response.setHeader("content-encoding", "br");
    response.end(brotliCompressSync("another small text"));
  },
  "/corrupt"(request, response) {
    response.setHeader("content-encoding", "gzip");
    response.end("this is no gzip");
  },
  "/bomb"(request, response, query) {
    response.setHeader("content-encoding", "gzip");
    response.end(gzipSync(zeros(query.get("bytes"))));
  },
  "/large"(request, response, query) {
    if (query.get("announced")) {
      response.setHeader("content-length", query.get("bytes"));
    }
    response.write("");
    response.end(zeros(query.get("bytes")));
  },
  "/many-fields"(request, response, query) {
    for (let i = 0; i < Number(query.get("count")); i++) {
      response.setHeader(`x-field-${i}`, "v".repeat(1000));
    }
    response.end();
  },
  "/long-field"(request, response, query) {
    response.setHeader("x-field", "v".repeat(Number(query.get("bytes"))));
    response.end();
  },
  "/binary"(request, response) {
    response.end(Buffer.from([0, 255, 10, 13, 0, 128]));
  },
  "/cut"(request, response) {
    response.setHeader("content-length", "1000");
    response.write("half");
    setImmediate(() => request.socket.destroy());
  },
  "/close"(request) {
    request.socket.destroy();
  },
  // The whole answer, and at once a reset: both are there when the client looks.
  "/reset"(request, response, query) {
    const body = "x".repeat(Number(query.get("bytes")));
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
    request.socket.write(head + body, () => request.socket.resetAndDestroy());
  },
  // Serves a connection once; what comes on it later ends it, as when it was about to close it.
  "/once"(request, response, query, body) {
    const { socket } = request;
    if (socket.hasServed) {
      say("ended a connection that was used before");
      return query.get("how") === "reset" ? socket.resetAndDestroy() : socket.end();
    }
    socket.hasServed = true;
    response.end(String(body.length));
  },
  "/hold"(request, response) {
    held.add(response);
    response.on("close", () => {
      if (held.delete(response)) {
        say("gone", request.url);
      }
    });
  },
  "/let-go"(request, response) {
    const all = [...held];
    held.clear();
    for (const other of all) {
      other.end("held");
    }
    response.end(String(all.length));
  },
  "/most"(request, response) {
    response.end(String(most));
    most = 0;
  },
};

async function serve(request, response) {
  const url = new URL(request.url, "http://peer");
  const parts = [];
  say(request.method, request.url);
  running++;
  most = Math.max(most, running);
  response.on("close", () => running--);
  for await (const part of request) {
    parts.push(part);
  }
  const route = routes[url.pathname];
  if (!route) {
    response.writeHead(404);
    response.end("no such route");
  } else {
    route(request, response, url.searchParams, Buffer.concat(parts));
  }
}

function listen(server, address = "127.0.0.1") {
  return new Promise((resolve) => {
    server.on("connection", () => connections++);
    server.listen(0, address, () => resolve(server.address().port));
  });
}

// Sends what it is told, whatever it is told: "GET /BASE64" is answered with those bytes.
const raw = createRawServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", (data) => {
    const wanted = /^GET \/(\S*)/.exec(data.toString("latin1"))[1];
    socket.end(Buffer.from(wanted, "base64url"));
  });
});

const plain = createServer({ maxHeaderSize: 1 << 20 }, serve);
const secure = key &&
  createSecureServer({ key: readFileSync(key), cert: readFileSync(certificate) }, serve);
say("peer on", await listen(plain), secure ? await listen(secure, "0.0.0.0") : 0, await listen(raw));
