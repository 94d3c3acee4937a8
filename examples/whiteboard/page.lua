-- The page of the whiteboard, as a module, because a script has no `io` to read a file with. It is
-- one document, and asks for nothing but the socket of its board.
-- luacheck: no max line length
return [==[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<title>Whiteboard</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%233b5bdb'/%3E%3Cpath d='M6 21c5-12 7-12 8-4s4 6 12-6' fill='none' stroke='%23fff' stroke-width='3' stroke-linecap='round'/%3E%3C/svg%3E">
<style>
  :root {
    --desk: #e9e7e2; --paper: #fffefb; --dot: #e2dfd8; --surface: #fffefb; --ink: #26282d; --soft: #77736b; --line: #dcd8cf;
    --pen1: #26282d; --pen2: #e03131; --pen3: #e8590c; --pen4: #f2b705; --pen5: #2f9e44; --pen6: #1c7ed6; --pen7: #7048e8; --pen8: #d6336c;
    --shadow: 0 1px 2px #2a241418, 0 8px 28px #2a241418; --accent: #3b5bdb; --good: #2f9e44; --warn: #c05c00;
    font: 15px/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; color: var(--ink); background: var(--desk);
    -webkit-tap-highlight-color: transparent;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --desk: #121315; --paper: #1d1f23; --dot: #2c2f35; --surface: #26292e; --ink: #eceae5; --soft: #a09d96; --line: #393d44;
      --pen1: #f1efe9; --pen2: #ff6b6b; --pen3: #ff922b; --pen4: #ffd43b; --pen5: #51cf66; --pen6: #4dabf7; --pen7: #9775fa; --pen8: #f783ac;
      --shadow: 0 1px 2px #0006, 0 8px 28px #0006; --accent: #748ffc; --good: #51cf66; --warn: #ffa94d;
    }
  }
  *, ::before, ::after { box-sizing: border-box; }
  html, body { height: 100%; margin: 0; overscroll-behavior: none; }
  body { display: grid; grid-template-rows: auto minmax(0, 1fr) auto; gap: 10px; height: 100dvh; user-select: none; -webkit-user-select: none;
    padding: max(10px, env(safe-area-inset-top)) max(10px, env(safe-area-inset-right)) max(10px, env(safe-area-inset-bottom)) max(10px, env(safe-area-inset-left)); }
  button, input { font: inherit; color: inherit; border: 0; background: none; margin: 0; }
  button { cursor: pointer; touch-action: manipulation; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  svg { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; display: block; }

  header, footer { display: flex; align-items: center; justify-self: center; max-width: 100%; background: var(--surface);
    border-radius: 16px; box-shadow: var(--shadow); padding: 6px 8px; gap: 6px; }
  header { padding-left: 14px; gap: 10px; }
  header b { font-weight: 650; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  #status { display: flex; align-items: center; gap: 6px; font-size: 13px; color: var(--warn); white-space: nowrap; }
  #status::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: currentColor; }
  #status.open { color: var(--good); }
  #people { display: flex; padding-left: 6px; }
  .face { display: grid; place-items: center; width: 28px; height: 28px; margin-left: -6px; border-radius: 50%; border: 2px solid var(--surface);
    color: var(--surface); font: 650 12px/1 system-ui, sans-serif; }
  #name { width: 9.5em; min-width: 4em; height: 34px; padding: 0 10px; border-radius: 10px; border: 1px solid var(--line); font-size: 16px; user-select: text; -webkit-user-select: text; }
  .tool { display: grid; place-items: center; min-width: 36px; height: 36px; padding: 0 7px; border-radius: 10px; flex: none; }
  .tool:hover { background: var(--line); }
  .tool[aria-pressed=true] { background: var(--line); }
  .tool i { display: block; border-radius: 50%; background: currentColor; }
  .color { min-width: 32px; padding: 0; }
  .color i { width: 20px; height: 20px; }
  .color[aria-pressed=true] i { box-shadow: 0 0 0 3px var(--surface), 0 0 0 5px currentColor; }
  .color[aria-pressed=true] { background: none; }
  .rule { width: 1px; height: 22px; background: var(--line); flex: none; }
  .group { display: flex; align-items: center; gap: 2px; }
  #clear.sure { background: var(--pen2); color: #fff; font-weight: 600; }

  main { position: relative; min-height: 0; display: grid; place-items: center; container-type: size; }
  #paper { position: relative; aspect-ratio: 4 / 3; width: min(100cqw, 100cqh * 4 / 3); border-radius: 14px; overflow: hidden; box-shadow: var(--shadow);
    background: var(--paper) radial-gradient(var(--dot) 1.2px, transparent 1.6px) 0 0 / 24px 24px; cursor: crosshair; touch-action: pinch-zoom; }
  canvas { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; }
  .cursor { position: absolute; pointer-events: none; transition: left .07s linear, top .07s linear; z-index: 1; }
  .cursor svg { width: 22px; height: 22px; fill: currentColor; stroke: var(--paper); stroke-width: 1.5; }
  .cursor span { position: absolute; left: 15px; top: 17px; padding: 2px 8px; border-radius: 3px 9px 9px 9px; background: currentColor; font-size: 12px; font-weight: 600; white-space: nowrap; }
  .cursor bdi { color: var(--paper); }
  #hint { position: absolute; inset: 44% 20px auto; text-align: center; color: var(--soft); pointer-events: none; transition: opacity .3s; font-size: 17px; }
  #hint.gone { opacity: 0; }
  #toast { position: fixed; z-index: 2; left: 50%; bottom: 90px; translate: -50%; padding: 8px 16px; border-radius: 99px; background: var(--ink); color: var(--paper);
    opacity: 0; transition: opacity .25s; pointer-events: none; white-space: nowrap; }
  #toast.on { opacity: 1; }
  @media (max-width: 620px) {
    footer { flex-wrap: wrap; justify-content: center; row-gap: 2px; }
    .rule.wide { display: none; } header b { display: none; }
  }
  @media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
</style>
</head>
<body>
<header>
  <b></b><span id="status" role="status">Connecting</span><span id="people" aria-label="People here"></span>
  <input id="name" aria-label="Your name" maxlength="15" autocomplete="off" spellcheck="false">
  <button class="tool" id="share" aria-label="Copy the link of this board" title="Copy the link"><svg viewBox="0 0 24 24"><path d="M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1"/></svg></button>
</header>
<main><div id="paper" aria-label="The board"><canvas id="done"></canvas><canvas id="wet"></canvas><p id="hint">Draw here. Everybody with the link sees it.</p></div></main>
<footer>
  <span class="group" id="colors" role="group" aria-label="Color"></span><span class="rule wide"></span>
  <span class="group" id="widths" role="group" aria-label="Pen"></span><span class="rule"></span>
  <span class="group">
    <button class="tool" id="undo" aria-label="Undo my last stroke" title="Undo (Ctrl+Z)"><svg viewBox="0 0 24 24"><path d="M8 5 4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3"/></svg></button>
    <button class="tool" id="clear" aria-label="Clear the board" title="Clear the board"><svg viewBox="0 0 24 24"><path d="M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5"/></svg></button>
  </span>
</footer>
<div id="toast" role="status"></div>
<script>
'use strict';
const WIDTH = 1600, HEIGHT = 1200, POINTS_MAX = 500, SEND_MS = 40, STEP = 3;
const COLORS = ['Ink', 'Red', 'Orange', 'Yellow', 'Green', 'Blue', 'Violet', 'Pink'];
const PENS = { Fine: 5, Medium: 11, Broad: 26 };
const board = location.pathname.split('/')[2];
const $ = id => document.getElementById(id);
const pick = list => list[Math.floor(Math.random() * list.length)];
const random = () => [...crypto.getRandomValues(new Uint8Array(12))].map(byte => byte.toString(16).padStart(2, '0')).join('');
const remembered = (key, make) => { try { return localStorage[key] ||= make(); } catch { return make(); } };
const remember = (key, value) => { try { localStorage[key] = value; } catch { /* A private window forgets. */ } };

const key = remembered('whiteboard-key', random);
let name = remembered('whiteboard-name', () => pick(['Quiet', 'Swift', 'Bright', 'Merry', 'Gentle']) + ' ' + pick(['Otter', 'Heron', 'Fox', 'Finch', 'Hare']));
let color = Number(remembered('whiteboard-color', () => 2 + Math.floor(Math.random() * 7))) || 1;
let width = PENS.Medium;

// The drawing: strokes by number as the board has them; `waiting` holds what it has not confirmed.
let strokes = new Map();
const waiting = new Map();
const people = new Map(); // id -> { id, name, color, x, y, line, cursor }
let mine = null; // The line under the pen.

// --- Drawing -----------------------------------------------------------------------------------
const done = $('done').getContext('2d'), wet = $('wet').getContext('2d');
let inks = [];

function stroke(canvas, { points, color, width }) {
  canvas.strokeStyle = inks[color];
  canvas.lineWidth = width;
  canvas.lineCap = canvas.lineJoin = 'round';
  canvas.beginPath();
  canvas.moveTo(points[0], points[1]);
  for (let i = 2; i < points.length - 2; i += 2) {
    canvas.quadraticCurveTo(points[i], points[i + 1], (points[i] + points[i + 2]) / 2, (points[i + 1] + points[i + 3]) / 2);
  }
  canvas.lineTo(points.at(-2), points.at(-1)); // Of one point, too: a dot.
  canvas.stroke();
}

function wipe(canvas) {
  canvas.clearRect(0, 0, WIDTH, HEIGHT);
}

function redraw() {
  wipe(done);
  for (const one of strokes.values()) stroke(done, one);
  redrawWet();
}

let asked = 0;
function redrawWet() {
  asked ||= requestAnimationFrame(() => {
    asked = 0;
    wipe(wet);
    for (const line of waiting.values()) stroke(wet, line);
    for (const { line } of people.values()) if (line) stroke(wet, line);
    if (mine) stroke(wet, mine);
    $('hint').classList.toggle('gone', Boolean(strokes.size || waiting.size || mine || [...people.values()].some(one => one.line)));
  });
}

function fit() {
  const style = getComputedStyle(document.documentElement);
  inks = ['', ...COLORS.map((_, i) => style.getPropertyValue('--pen' + (i + 1)).trim())];
  const scale = $('paper').clientWidth / WIDTH * devicePixelRatio;
  for (const canvas of [done, wet]) {
    canvas.canvas.width = Math.round(WIDTH * scale);
    canvas.canvas.height = Math.round(HEIGHT * scale);
    canvas.setTransform(scale, 0, 0, scale, 0, 0);
  }
  redraw();
}
new ResizeObserver(fit).observe($('paper'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', fit);

// --- People ------------------------------------------------------------------------------------
function showPeople() {
  const faces = [{ name: name, color: color, you: true }, ...people.values()];
  $('people').replaceChildren(...faces.slice(0, 5).map(one => {
    const face = document.createElement('span');
    face.className = 'face';
    face.style.background = `var(--pen${one.color})`;
    face.title = one.you ? one.name + ' (you)' : one.name;
    face.textContent = [...one.name][0].toUpperCase();
    return face;
  }));
  $('status').textContent = open ? (faces.length === 1 ? 'Only you' : faces.length + ' here') : 'Connecting';
  $('status').className = open ? 'open' : '';
}

function placeCursor(person) {
  if (person.x === undefined) return;
  if (!person.cursor) {
    person.cursor = document.createElement('div');
    person.cursor.className = 'cursor';
    person.cursor.innerHTML = '<svg viewBox="0 0 24 24"><path d="m2 2 7 19 3-8 8-3z"/></svg><span><bdi></bdi></span>';
    $('paper').append(person.cursor);
  }
  const style = person.cursor.style;
  person.cursor.querySelector('bdi').textContent = person.name;
  style.color = `var(--pen${person.color})`;
  style.left = person.x / WIDTH * 100 + '%';
  style.top = person.y / HEIGHT * 100 + '%';
}

function forget(id) {
  people.get(id)?.cursor?.remove();
  people.delete(id);
}

// --- The socket --------------------------------------------------------------------------------
const hear = {
  welcome(message) {
    for (const id of [...people.keys()]) forget(id);
    for (const person of message.people) { people.set(person.id, person); placeCursor(person); }
    strokes = new Map(message.strokes.map(one => [one.n, one]));
    for (const one of message.strokes) waiting.delete(one.id);
    for (const [id, line] of waiting) say({ type: 'stroke', id, ...line });
    redraw();
  },
  point({ person }) {
    const known = people.get(person.id);
    people.set(person.id, { ...known, ...person, line: undefined }); // A point is made with the pen up.
    placeCursor(people.get(person.id));
    if (known?.line) redrawWet();
    if (known?.color !== person.color) showPeople();
  },
  ink({ from, line }) {
    const person = people.get(from);
    if (!person) return;
    if (person.line) person.line.points.push(...line.points);
    else person.line = line;
    person.color = line.color;
    [person.x, person.y] = line.points.slice(-2);
    placeCursor(person);
    redrawWet();
  },
  stroke({ from, stroke: one, first }) {
    const person = people.get(from);
    if (person) person.line = undefined;
    waiting.delete(one.id);
    strokes.set(one.n, one);
    const old = [...strokes.keys()].filter(n => n < first);
    for (const n of old) strokes.delete(n);
    if (old.length) redraw();
    else { stroke(done, one); redrawWet(); }
  },
  undone({ n }) { strokes.delete(n); redraw(); },
  cleared() { strokes.clear(); redraw(); toast('The board was cleared'); },
  left({ id }) { forget(id); redrawWet(); },
  error({ text }) { toast(text); },
};

let socket, open = false, patience = 250, retry;
function say(message) {
  if (open) socket.send(JSON.stringify(message));
}

function connect() {
  clearTimeout(retry);
  const query = new URLSearchParams({ name, key, color });
  const one = socket = new WebSocket(location.origin.replace('http', 'ws') + '/boards/' + board + '/socket?' + query);
  one.onmessage = ({ data }) => {
    if (one !== socket) return;
    const message = JSON.parse(data);
    if (message.type === 'welcome') { open = true; patience = 250; }
    hear[message.type]?.(message);
    if (/welcome|left/.test(message.type)) showPeople();
  };
  one.onclose = () => {
    if (one !== socket) return;
    open = false;
    showPeople();
    retry = setTimeout(connect, patience);
    patience = Math.min(patience * 2, 5000);
  };
}
addEventListener('online', () => { if (!open) { socket.onclose = null; connect(); } });

// --- The pen -----------------------------------------------------------------------------------
let sent = 0, sentAt = 0, pointer = null;

function place(event) {
  const box = $('paper').getBoundingClientRect();
  const clip = (value, most) => Math.round(Math.max(0, Math.min(most, value)));
  return [clip((event.clientX - box.left) / box.width * WIDTH, WIDTH), clip((event.clientY - box.top) / box.height * HEIGHT, HEIGHT)];
}

function sayInk() {
  if (sent === mine.points.length) return;
  say({ type: 'ink', ...mine, points: mine.points.slice(sent) });
  sent = mine.points.length;
  sentAt = performance.now();
}

function sayPoint([x, y]) {
  say({ type: 'point', x, y, color });
  sentAt = performance.now();
}

function begin(points) {
  mine = { color, width, points };
  sent = 0;
}

function finish() {
  const id = random();
  waiting.set(id, mine);
  say({ type: 'stroke', id, ...mine });
  mine = null;
  redrawWet();
}

$('paper').onpointerdown = event => {
  if (pointer !== null || event.button !== 0) return;
  event.preventDefault();
  document.activeElement?.blur();
  pointer = event.pointerId;
  $('paper').setPointerCapture(pointer);
  begin(place(event));
  sayInk();
  redrawWet();
};

$('paper').onpointermove = event => {
  const now = performance.now();
  if (!mine) {
    if (event.pointerType === 'mouse' && now - sentAt >= SEND_MS) sayPoint(place(event));
    return;
  }
  if (event.pointerId !== pointer) return;
  const moves = event.getCoalescedEvents?.() ?? [];
  for (const move of moves.length ? moves : [event]) {
    const [x, y] = place(move), [lastX, lastY] = mine.points.slice(-2);
    if (Math.hypot(x - lastX, y - lastY) < STEP) continue;
    mine.points.push(x, y);
    if (mine.points.length === 2 * POINTS_MAX) { finish(); begin([x, y]); }
  }
  if (now - sentAt >= SEND_MS) sayInk();
  redrawWet();
};

$('paper').onpointerup = event => {
  if (event.pointerId !== pointer) return;
  pointer = null;
  finish();
};

// A second finger that zooms the page takes the line back.
$('paper').onpointercancel = event => {
  if (event.pointerId !== pointer) return;
  pointer = mine = null;
  sayPoint(place(event));
  redrawWet();
};

// --- Tools -------------------------------------------------------------------------------------
let toastTimer;
function toast(text) {
  $('toast').textContent = text;
  $('toast').classList.add('on');
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $('toast').classList.remove('on'), 2500);
}

function choice(group, label, value, size, choose) {
  const button = document.createElement('button');
  button.className = 'tool';
  button.ariaLabel = button.title = label;
  const dot = document.createElement('i');
  if (size) dot.style.width = dot.style.height = size + 'px';
  button.append(dot);
  button.onclick = () => { choose(value); showTools(); };
  button.dataset.value = value;
  group.append(button);
  return button;
}

function showTools() {
  for (const button of $('colors').children) button.ariaPressed = String(Number(button.dataset.value) === color);
  for (const button of $('widths').children) button.ariaPressed = String(Number(button.dataset.value) === width);
  $('widths').style.color = `var(--pen${color})`;
  showPeople();
}

COLORS.forEach((label, i) => {
  const button = choice($('colors'), label, i + 1, 0, value => remember('whiteboard-color', color = value));
  button.classList.add('color');
  button.style.color = `var(--pen${i + 1})`;
});
for (const [label, value] of Object.entries(PENS)) choice($('widths'), label, value, 4 + value * 0.6, chosen => { width = chosen; });

function undo() {
  const last = [...waiting.keys()].at(-1);
  if (!open && last) { waiting.delete(last); redrawWet(); }
  else say({ type: 'undo' });
}
$('undo').onclick = undo;
addEventListener('keydown', event => {
  if ((event.ctrlKey || event.metaKey) && event.key === 'z' && event.target !== $('name')) { event.preventDefault(); undo(); }
});

const bin = $('clear').innerHTML;
let sureTimer;
function calm() {
  clearTimeout(sureTimer);
  $('clear').classList.remove('sure');
  $('clear').innerHTML = bin;
}
$('clear').onclick = () => {
  if ($('clear').classList.contains('sure')) { say({ type: 'clear' }); return calm(); }
  $('clear').classList.add('sure');
  $('clear').textContent = 'Clear for all?';
  sureTimer = setTimeout(calm, 3000);
};

$('name').value = name;
$('name').onchange = () => {
  name = $('name').value = $('name').value.trim() || name;
  remember('whiteboard-name', name);
  socket.onclose = null;
  socket.close();
  open = false;
  connect();
};
$('name').onkeydown = event => { if (event.key === 'Enter') $('name').blur(); };
$('share').onclick = () => {
  navigator.clipboard ? navigator.clipboard.writeText(location.href).then(() => toast('Link copied'), () => toast(location.href)) : toast(location.href);
};

document.querySelector('header b').textContent = document.title = board;
showTools();
fit();
connect();
</script>
</body>
</html>
]==]
