// An authority that certifies names (ACME, RFC 8555), over plain HTTP, for one account and what uacme asks: a
// directory, nonces, an account, orders with one http-01 challenge each, certificates for DAYS days. It
// checks signatures, nonces and proofs as a real one would.
//
//   node acme.mjs DIR      makes DIR/ca.crt; prints its port
//
// POST /control with JSON says how it behaves: {port} where proofs are asked for; until that is said nobody
// is answered. {days} of new certificates. {failing: {newOrder: [429, "rateLimited"]}} answers so there,
// {silent: "newOrder"} never. Its answer counts: {orders, certificates, proofs,
// unanswered}.
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';

const directory = process.argv[2];
const wishes = { port: 0, days: 90, failing: {}, silent: '' };
const counts = { orders: 0, certificates: 0, proofs: 0, unanswered: 0 };
const nonces = new Set();
const orders = [];
const held = [];
let account, hasAccount = false;

const openssl = (...words) => execFileSync('openssl', words, { stdio: ['ignore', 'pipe', 'ignore'],
  env: { ...process.env, LD_PRELOAD: '' } });
openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
  '-keyout', `${directory}/ca.key`, '-out', `${directory}/ca.crt`, '-subj', '/CN=authority');

const encode = (bytes) => Buffer.from(bytes).toString('base64url');
const decode = (text) => Buffer.from(text, 'base64url');

class Problem extends Error {
  constructor(status, type) {
    super(type);
    this.status = status;
  }
}

function thumbprint({ crv, kty, x, y }) {
  return encode(crypto.createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest());
}

// What stands in a signed request, once it is certain that our account has written it.
function read(body, url) {
  const { protected: head, payload, signature } = JSON.parse(body);
  const { jwk, nonce, url: named } = JSON.parse(decode(head));
  const key = crypto.createPublicKey({ key: jwk ?? account, format: 'jwk' });
  if (!nonces.delete(nonce)) throw new Problem(400, 'badNonce');
  if (named !== url) throw new Problem(401, 'unauthorized');
  if (!crypto.verify('sha256', `${head}.${payload}`, { key, dsaEncoding: 'ieee-p1363' }, decode(signature)))
    throw new Problem(400, 'malformed');
  account = jwk ?? account;
  return payload === '' ? null : JSON.parse(decode(payload));
}

function ask(name, token) {
  return new Promise((resolve) => {
    http.get({ port: wishes.port, host: '127.0.0.1', headers: { host: name },
      path: `/.well-known/acme-challenge/${token}` }, (answer) => {
      let text = '';
      answer.on('data', (piece) => { text += piece; });
      answer.on('end', () => resolve(answer.statusCode === 200 ? text : ''));
    }).on('error', () => resolve(''));
  });
}

function certify(order, csr) {
  const [request, certificate] = [`${directory}/order.csr`, `${directory}/order.crt`];
  fs.writeFileSync(request, decode(csr));
  openssl('x509', '-req', '-inform', 'DER', '-in', request, '-out', certificate, '-CA', `${directory}/ca.crt`,
    '-CAkey', `${directory}/ca.key`, '-days', String(wishes.days), '-copy_extensions', 'copy');
  order.chain = fs.readFileSync(certificate, 'utf8') + fs.readFileSync(`${directory}/ca.crt`, 'utf8');
  order.status = 'valid';
  counts.certificates += 1;
}

function told(base, order) {
  return { status: order.status, identifiers: [{ type: 'dns', value: order.name }],
    authorizations: [`${base}/authorization/${order.number}`], finalize: `${base}/finalize/${order.number}`,
    ...(order.chain && { certificate: `${base}/certificate/${order.number}` }) };
}

function challenge(base, order) {
  return { type: 'http-01', token: order.token, url: `${base}/challenge/${order.number}`, status: order.proof };
}

// By the first part of the path: [status, what is answered, Location].
const handlers = {
  directory: (base) => [200, Object.fromEntries(['newNonce', 'newAccount', 'newOrder', 'revokeCert', 'keyChange']
    .map((name) => [name, `${base}/${name}`]))],
  newNonce: () => [204, ''],
  newAccount: (base, _, { onlyReturnExisting }) => {
    const isNew = !hasAccount;
    if (isNew && onlyReturnExisting) throw new Problem(400, 'accountDoesNotExist');
    hasAccount = true;
    return [isNew ? 201 : 200, { status: 'valid' }, `${base}/account/1`];
  },
  newOrder: (base, _, { identifiers }) => {
    const order = { number: orders.length, name: identifiers[0].value, status: 'pending', proof: 'pending',
      token: encode(crypto.randomBytes(24)) };
    orders.push(order);
    counts.orders += 1;
    return [201, told(base, order), `${base}/order/${order.number}`];
  },
  order: (base, order) => [200, told(base, order)],
  authorization: (base, order) => [200, { status: order.proof, identifier: { type: 'dns', value: order.name },
    challenges: [challenge(base, order)] }],
  challenge: async (base, order, wants) => {
    if (wants) {
      const proof = await ask(order.name, order.token);
      order.proof = proof === `${order.token}.${thumbprint(account)}` ? 'valid' : 'invalid';
      order.status = order.proof === 'valid' ? 'ready' : 'invalid';
      counts.proofs += order.proof === 'valid';
    }
    return [200, challenge(base, order)];
  },
  finalize: (base, order, { csr }) => {
    if (order.status !== 'ready') throw new Problem(403, 'orderNotReady');
    certify(order, csr);
    return [200, told(base, order)];
  },
  certificate: (base, order) => [200, order.chain],
};

async function answer(request, body) {
  const base = `http://${request.headers.host}`;
  const [, what, number] = request.url.split('/');
  if (wishes.failing[what]) throw new Problem(...wishes.failing[what]);
  if (!handlers[what]) throw new Problem(404, 'malformed');
  const wants = request.method === 'POST' ? read(body, base + request.url) : null;
  return handlers[what](base, orders[number], wants);
}

function reply(response, status, what, location) {
  const nonce = encode(crypto.randomBytes(12));
  nonces.add(nonce);
  response.writeHead(status, { 'Replay-Nonce': nonce, ...(location && { Location: location }),
    'Content-Type': status < 400 ? 'application/json' : 'application/problem+json' });
  response.end(typeof what === 'string' ? what : JSON.stringify(what));
}

async function serve(request, body, response) {
  if (wishes.port === 0) held.push(() => serve(request, body, response));
  else if (request.url === `/${wishes.silent}`) counts.unanswered += 1;
  else {
    try {
      reply(response, ...await answer(request, body));
    } catch (error) {
      reply(response, error.status ?? 500, { type: `urn:ietf:params:acme:error:${error.message}`,
        detail: `it is said so: ${error.message}` });
    }
  }
}

const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (piece) => { body += piece; });
  request.on('end', () => {
    if (request.url !== '/control') {
      serve(request, body, response);
      return;
    }
    Object.assign(wishes, JSON.parse(body));
    while (held.length > 0) held.pop()();
    response.end(JSON.stringify(counts));
  });
});
server.listen(0, '127.0.0.1', () => console.log(`authority at ${server.address().port}`));
