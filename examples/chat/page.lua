-- The page of the chat, as a module, because a script has no `io` to read a file with. Everything
-- is in this one document: it asks for nothing but the socket of its room.
-- luacheck: no max line length
return [==[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<meta name="theme-color" content="#f4f1ea" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#161816" media="(prefers-color-scheme: dark)">
<title>Chat</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cpath fill='%230f766e' d='M16 3C8 3 2 8 2 15c0 4 2 7 5 9l-1 6 7-4 3 .3c8 0 14-5 14-11.3S24 3 16 3z'/%3E%3C/svg%3E">
<style>
  :root {
    --ground: #f4f1ea; --surface: #fffdf9; --ink: #23211d; --soft: #6f6a60; --line: #e4dfd4;
    --bubble: #fffdf9; --accent: #0f766e; --accent-soft: #dcebe5; --warn: #a8560b; --bad: #b3261e;
    --shadow: 0 1px 2px #2a241414, 0 8px 28px #2a241412;
    font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
    color: var(--ink); background: var(--ground);
    -webkit-text-size-adjust: 100%; -webkit-tap-highlight-color: transparent;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --ground: #161816; --surface: #1e211e; --ink: #ebe9e3; --soft: #9c9a91; --line: #30342f;
      --bubble: #2a2e2a; --accent: #14786f; --accent-soft: #203b36; --warn: #eeb168; --bad: #ff9c92;
      --shadow: 0 1px 2px #0006, 0 8px 28px #0005;
    }
  }
  *, ::before, ::after { box-sizing: border-box; } [hidden] { display: none !important; }
  body, h1, h2, p, ul { margin: 0; padding: 0; overflow-wrap: anywhere; }
  button, input, textarea { font: inherit; color: inherit; }
  button { border: 0; background: none; cursor: pointer; touch-action: manipulation; }
  a { color: inherit; text-underline-offset: 2px; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  bdi, .text { unicode-bidi: isolate; }
  svg { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 2;
    stroke-linecap: round; stroke-linejoin: round; flex: none; }
  .primary { background: var(--accent); color: #fff; border-radius: 12px; font-weight: 600; }
  .primary:hover { filter: brightness(1.1); }
  .quiet { display: inline-flex; align-items: center; gap: 8px; min-height: 40px; padding: 0 14px;
    border: 1px solid var(--line); border-radius: 12px; background: var(--surface); font-weight: 550; }
  .quiet:hover, .plain:hover { background: var(--accent-soft); }

  /* The door */
  #door { min-height: 100vh; min-height: 100dvh; display: grid; place-items: center;
    padding: 20px max(20px, env(safe-area-inset-right)) 20px max(20px, env(safe-area-inset-left));
    background: radial-gradient(60rem 40rem at 85% -10%, var(--accent-soft), transparent),
      radial-gradient(40rem 30rem at -10% 110%, var(--accent-soft), transparent); }
  #enter { width: min(100%, 25rem); padding: clamp(24px, 6vw, 36px); border-radius: 24px;
    background: var(--surface); box-shadow: var(--shadow); display: grid; gap: 18px; }
  #enter > svg { width: 44px; height: 44px; color: var(--accent); }
  #enter h1 { font-size: 1.75rem; line-height: 1.15; margin-bottom: 8px; letter-spacing: -.02em; text-wrap: balance; }
  #enter p { color: var(--soft); }
  #enter label { display: grid; gap: 6px; font-weight: 600; font-size: .9rem; }
  #enter input { width: 100%; height: 48px; padding: 0 14px; border-radius: 12px; font-size: 1rem;
    border: 1px solid var(--line); background: var(--ground); font-weight: 400; }
  #enter .primary { height: 50px; }

  /* The room */
  #chat { position: fixed; inset: 0 0 auto; height: 100vh; height: var(--height, 100dvh); display: grid;
    grid: auto minmax(0, 1fr) / minmax(0, 1fr) 16.5rem; padding: 0 env(safe-area-inset-right) 0 env(safe-area-inset-left); }
  header { grid-column: 1 / -1; display: flex; align-items: center; gap: 10px; z-index: 1;
    padding: max(10px, env(safe-area-inset-top)) 16px 10px 8px; background: var(--surface); border-bottom: 1px solid var(--line); }
  header > div { flex: 1; min-width: 0; }
  header h1, #typing { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
  header h1 { font-size: 1.06rem; line-height: 1.3; } header h1::before { content: "# "; color: var(--soft); font-weight: 400; }
  header p { display: flex; align-items: center; gap: 7px; font-size: .82rem; color: var(--soft); white-space: nowrap; }
  header p::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: #2aa46f; flex: none; transition: background .3s; }
  .away header p { color: var(--warn); }
  .away header p::before { background: var(--warn); animation: breathe 2s ease-in-out infinite; }
  .away #count, #count:empty { display: none; }
  #count { order: 1; } #count::before { content: "· "; }
  .plain { width: 40px; height: 40px; display: grid; place-items: center; border-radius: 12px; flex: none; }
  #who { display: none; align-items: center; padding: 4px 2px; }
  #who .avatar { margin-left: -8px; border: 2px solid var(--surface); width: 32px; height: 32px; }
  .avatar { display: grid; place-items: center; width: 34px; height: 34px; border-radius: 50%; flex: none;
    color: #fff; font-size: .76rem; font-weight: 650; background: oklch(.56 .115 var(--hue)); user-select: none; }
  #who .rest { background: var(--line); color: var(--ink); }

  #talk { display: flex; flex-direction: column; min-height: 0; position: relative; }
  #scroll { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 16px clamp(12px, 3vw, 28px) 10px;
    display: flex; flex-direction: column; outline-offset: -4px; }
  #scroll > :first-child { margin-top: auto; }
  #scroll > * { width: 100%; max-width: 52rem; margin-inline: auto; display: flex; flex-direction: column; }
  .row { display: grid; grid-template-columns: 34px minmax(0, auto); column-gap: 10px; justify-content: start;
    padding-right: 12%; margin-top: 14px; }
  .row.more, .waiting + .waiting { margin-top: 3px; }
  .row > .avatar { grid-row: 1 / span 2; align-self: end; }
  .row > :not(.avatar) { grid-column: 2; justify-self: start; }
  .head { font-size: .8rem; color: var(--soft); margin: 0 4px 3px; }
  .head .from { color: var(--ink); font-weight: 650; margin-right: 6px; }
  .text { background: var(--bubble); padding: 8px 13px; border-radius: 18px; white-space: pre-wrap; max-width: 100%;
    box-shadow: 0 1px 1px #2a24140d; }
  .row .text { border-end-start-radius: 6px; }
  .row.more .text { border-start-start-radius: 6px; }
  .row.mine { grid-template-columns: minmax(0, auto); justify-content: end; padding: 0 0 0 16%; }
  .mine > :not(.avatar) { grid-column: 1; justify-self: end; }
  .row.mine .text { border-radius: 18px 18px 6px 18px; background: var(--accent); color: #fff; }
  .row.mine.more .text { border-start-end-radius: 6px; }
  .row.direct .text { background: none; color: inherit; border: 1.5px dashed var(--accent); box-shadow: none; }
  .row.big.big .text { background: none; color: inherit; box-shadow: none; padding: 0 4px; font-size: 2.6rem; line-height: 1.2; }
  .waiting .text { opacity: .6; }
  .row.failed .text { background: none; color: inherit; border: 1.5px solid; } .failed { color: var(--bad); }
  .why { font-size: .8rem; margin: 2px 4px 0; } .waiting .why { color: var(--soft); }
  .new .text { animation: rise .22s ease-out; }
  .notice, .day { align-self: center; text-align: center; font-size: .8rem; color: var(--soft); margin: 14px 0 0; }
  .notice + .notice { margin-top: 2px; } .day { font-weight: 600; margin-top: 20px; }
  #empty { position: absolute; inset: 30% 24px auto; text-align: center; color: var(--soft); }
  #empty b { display: block; color: var(--ink); font-size: 1.15rem; margin-bottom: 4px; }
  #scroll:has(.row) ~ #empty { display: none; }
  #newer { position: absolute; left: 50%; bottom: 84px; transform: translateX(-50%); padding: 8px 16px;
    border-radius: 99px; box-shadow: var(--shadow); font-size: .88rem; white-space: nowrap; }
  #typing, #composer { width: 100%; max-width: 56rem; margin: 0 auto; flex: none; }
  #typing { height: 22px; padding: 0 clamp(16px, 4vw, 32px); font-size: .8rem; color: var(--soft); }
  #composer { display: flex; gap: 8px; align-items: flex-end; padding: 0 clamp(10px, 3vw, 28px) max(12px, env(safe-area-inset-bottom)); }
  #composer textarea { flex: 1; min-width: 0; height: 46px; max-height: min(40vh, 11rem); padding: 10px 16px; resize: none;
    border: 1px solid var(--line); border-radius: 23px; background: var(--surface); font-size: 1rem; line-height: 1.5; }
  #composer textarea:focus { outline: none; border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
  #composer button { width: 46px; height: 46px; border-radius: 50%; display: grid; place-items: center; flex: none; }

  #people { position: static; width: auto; height: auto; margin: 0; border: 0; border-left: 1px solid var(--line); padding: 18px 14px;
    background: none; color: inherit; overflow-y: auto; display: flex; flex-direction: column; gap: 12px; }
  #people h2 { font-size: .8rem; font-weight: 600; color: var(--soft); padding-left: 8px; } #people ul { list-style: none; }
  #people li > * { display: flex; align-items: center; gap: 10px; width: 100%; padding: 6px 8px; border-radius: 12px; text-align: left; text-decoration: none; }
  #people li > :hover { background: var(--accent-soft); }
  #people li small { color: var(--soft); font-size: .85rem; margin-left: -4px; white-space: nowrap; }
  #people p { margin-top: auto; font-size: .8rem; color: var(--soft); padding: 8px; }

  @media (max-width: 46rem) {
    #chat { grid-template-columns: minmax(0, 1fr); }
    #who { display: flex; }
    #share span { display: none; }
    #share { padding: 0 10px; }
    #count::before { content: none; }
    #chat:not(.away) #count:not(:empty) ~ #connection { position: absolute; clip-path: inset(50%); }
    header { gap: 6px; padding-right: 12px; }
    #people { position: fixed; inset: 0 0 0 auto; width: min(80vw, 20rem); background: var(--surface); border: 0; animation: slide .2s ease-out;
      padding-top: max(20px, env(safe-area-inset-top)); padding-bottom: max(16px, env(safe-area-inset-bottom)); }
    #people:not(:popover-open) { display: none; }
    #people::backdrop { background: #0006; }
    #people li > * { padding: 9px 8px; }
    .row { padding-right: 8%; column-gap: 8px; }
  }
  @keyframes rise { from { opacity: 0; transform: translateY(6px); } } @keyframes slide { from { transform: translateX(40%); opacity: 0; } }
  @keyframes breathe { 50% { opacity: .35; } }
  @media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
</style>
</head>
<body>

<main id="door" hidden>
  <form id="enter">
    <svg viewBox="0 0 32 32" aria-hidden="true"><path fill="currentColor" stroke="none" d="M16 3C8 3 2 8 2 15c0 4 2 7 5 9l-1 6 7-4 3 .3c8 0 14-5 14-11.3S24 3 16 3z"/><path stroke="var(--surface)" stroke-width="2.4" d="M10 13h12M10 18h7"/></svg>
    <div>
      <h1 id="doorTitle">Come in and talk</h1>
      <p id="doorText">Whoever opens the same room is who you talk to.</p>
    </div>
    <label>Your name
      <input id="nameField" autocomplete="nickname" autocapitalize="words" spellcheck="false" maxlength="16" required placeholder="One word, like Ann">
    </label>
    <label id="roomLabel">Room
      <input id="roomField" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="40" required
        pattern=".*[A-Za-z0-9_].*" title="Letters, digits and dashes">
    </label>
    <button class="primary">Enter the room</button>
  </form>
</main>

<div id="chat" hidden>
  <header>
    <a class="plain" href="/" aria-label="Leave the room" title="Leave the room"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M15 5l-7 7 7 7"/></svg></a>
    <div>
      <h1 id="title"></h1>
      <p><span id="count"></span><span id="connection" role="status">Connecting…</span></p>
    </div>
    <button id="who" type="button" popovertarget="people"></button>
    <button id="share" type="button" class="quiet" aria-label="Share a link to this room"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 6 6l1-1"/></svg><span>Share room</span></button>
  </header>
  <main id="talk">
    <div id="scroll" tabindex="0" aria-label="Conversation" role="region">
      <div id="log" role="log" aria-live="polite" aria-label="Messages"></div>
      <div id="outbox" aria-label="Not sent yet"></div>
    </div>
    <p id="empty" hidden><b>It is quiet here</b>Say something, or share the room with a friend.</p>
    <button id="newer" type="button" class="primary" hidden></button>
    <p id="typing"></p>
    <form id="composer">
      <textarea id="text" rows="1" maxlength="2000" enterkeyhint="send" autocomplete="off" aria-label="Your message"></textarea>
      <button class="primary" aria-label="Send"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 19V5M6 11l6-6 6 6"/></svg></button>
    </form>
  </main>
  <aside id="people" popover aria-label="People in this room">
    <h2>Here now</h2>
    <ul id="list"></ul>
    <p>Choose a person to write to them alone, or begin with <b>/msg name</b>.</p>
  </aside>
</div>

<script>
'use strict';
const $ = id => document.getElementById(id);

// Never innerHTML: people write what they like.
const make = (tag, className = '', textContent = '') => Object.assign(document.createElement(tag), { className, textContent });

function line(className, ...content) {
  const element = make('div', className);
  element.append(...content);
  return element;
}

// Storage may be forbidden, and then the page forgets, which is all.
const memory = area => ({
  get(key) { try { return JSON.parse(window[area].getItem('chat.' + key)); } catch { return null; } },
  set(key, value) { try { window[area].setItem('chat.' + key, JSON.stringify(value)); } catch { /* forget */ } },
});
const tab = memory('sessionStorage'), device = memory('localStorage');

// ---- Names, rooms, colours

const asName = text => [...text.trim().replace(/["\\\s\p{C}]+/gu, '-')].slice(0, 16).join('');
const asRoom = text => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  .replace(/[^a-z0-9_]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 40);
const decoded = text => { try { return decodeURIComponent(text); } catch { return text; } };
const same = (a, b) => lower(a) === lower(b);
const lower = name => name.replace(/[A-Z]/g, letter => letter.toLowerCase());
const pick = words => words.split(' ')[Math.floor(Math.random() * words.split(' ').length)];
const randomRoom = () => pick('quiet sunny amber misty brave velvet north paper') + '-'
  + pick('harbour garden lantern meadow kitchen island comet attic');

function avatar(name) {
  const initials = name.split(/[-_.]/).slice(0, 2).map(word => [...word][0] ?? '').join('');
  const circle = make('span', 'avatar', initials.toUpperCase());
  let hash = 0;
  for (const letter of lower(name)) hash = (hash * 33 + letter.codePointAt(0)) % 65521;
  circle.style.setProperty('--hue', hash * 137.508 % 360);
  circle.setAttribute('aria-hidden', 'true');
  return circle;
}

// ---- The door

function showDoor(invitedTo) {
  $('door').hidden = false;
  $('nameField').value = tab.get('name') || device.get('name') || '';
  $('roomField').value = invitedTo || asRoom(decoded(location.hash)) || randomRoom();
  if (invitedTo) {
    $('roomLabel').hidden = true;
    $('doorTitle').textContent = 'Join #' + invitedTo;
    $('doorText').textContent = 'Choose the name the others will see.';
  }
  $('enter').onsubmit = event => {
    event.preventDefault();
    const name = asName($('nameField').value), room = asRoom($('roomField').value);
    if (!name || !room) return;
    tab.set('name', name);
    device.set('name', name);
    location.assign('/r/' + room);
  };
  if (matchMedia('(hover: hover)').matches) $('nameField').select();
}

// ---- The room

function openRoom(room, me) {
  let socket, ready = false, attempts = 0, retryTimer, patience, awayTimer; // The connection
  let lastNumber = 0, lastShown = {}, pinned = true, unseen = 0, unread = 0; // The log
  let typingSent = 0;
  const leaving = new Map(), typing = new Map(); // Name to timer
  const outbox = tab.get('outbox.' + room) || []; // { id, text } that the server has not confirmed

  $('chat').hidden = false;
  $('title').textContent = room;
  $('text').placeholder = innerWidth < 500 ? 'Message' : 'Message #' + room;

  // ---- Connection: back-off with jitter; a ping that the server answers without waking the object

  function connect() {
    clearTimeout(retryTimer);
    const url = new URL('/rooms/' + room + '/socket?name=' + encodeURIComponent(me), location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const mine = socket = new WebSocket(url);
    patience = setTimeout(lost, 10000);
    mine.onclose = () => { if (mine === socket) lost(); };
    mine.onmessage = event => {
      if (mine !== socket) return;
      clearTimeout(patience);
      const data = event.data === 'pong' ? {} : JSON.parse(event.data);
      receivers[data.type]?.(data);
    };
  }

  function lost() {
    const old = socket;
    socket = null;
    ready = false;
    old?.close();
    clearTimeout(patience);
    clearTimeout(retryTimer);
    const wait = Math.min(500 * 2 ** attempts++, 15000) * (0.6 + 0.8 * Math.random());
    retryTimer = setTimeout(connect, wait);
    awayTimer ??= setTimeout(showAway, 800); // A blink of the network is nobody's business.
  }

  function showAway() {
    $('chat').classList.add('away');
    $('connection').textContent = navigator.onLine ? 'Reconnecting…' : 'Offline. What you write is kept.';
    renderOutbox();
  }

  function probe() {
    if (!socket) return connect();
    if (!ready) return;
    socket.send('ping');
    clearTimeout(patience);
    patience = setTimeout(lost, 6000);
  }

  setInterval(() => { if (ready) probe(); }, 25000);
  addEventListener('online', probe);
  addEventListener('offline', lost);

  // ---- What the server says

  const receivers = {
    welcome(data) {
      ready = true;
      attempts = 0;
      awayTimer = clearTimeout(awayTimer);
      $('chat').classList.remove('away');
      $('connection').textContent = 'Connected';
      const newest = data.history.at(-1)?.n ?? 0, oldest = data.history[0]?.n ?? 1;
      if (newest < lastNumber || oldest > lastNumber + 1) { // Another past, or a gap: begin anew.
        $('log').replaceChildren();
        lastShown = {};
        lastNumber = 0;
      }
      const isReturn = lastNumber > 0;
      for (const message of data.history) if (message.n > lastNumber) show(message, isReturn);
      showPeople(data.people);
      $('empty').hidden = false;
      for (const { id, text } of outbox) send({ type: 'message', id, text });
      renderOutbox();
    },
    message(data) { endTyping(data.from); show(data, true); },
    direct(data) { show(data, true); },
    people(data) {
      showPeople(data.people);
      if (data.left) leaving.set(data.left, setTimeout(() => { leaving.delete(data.left); notice(data.left, 'left'); }, 5000));
      if (data.joined && leaving.has(data.joined)) { // Only reloaded the page: say nothing.
        clearTimeout(leaving.get(data.joined));
        leaving.delete(data.joined);
      } else if (data.joined) notice(data.joined, 'joined');
    },
    typing({ name }) {
      if (same(name, me)) return;
      clearTimeout(typing.get(name));
      typing.set(name, setTimeout(() => endTyping(name), 4500));
      renderTyping();
    },
    error({ id, text }) {
      const failed = confirm(id);
      if (failed) append(line('row mine failed', bubble(failed.text), make('div', 'why', 'Not sent: ' + text)), true);
    },
  };

  // ---- What we say. It stays in the outbox until the server has said it back.

  function send(data) {
    if (ready) socket.send(JSON.stringify(data));
  }

  function say(text) {
    const id = crypto.getRandomValues(new Uint32Array(4)).join('-');
    outbox.push({ id, text });
    tab.set('outbox.' + room, outbox);
    send({ type: 'message', id, text });
    renderOutbox();
    toEnd();
  }

  function confirm(id) {
    const index = outbox.findIndex(entry => entry.id === id);
    if (index < 0) return null;
    const [entry] = outbox.splice(index, 1);
    tab.set('outbox.' + room, outbox);
    renderOutbox();
    return entry;
  }

  function renderOutbox() {
    $('outbox').replaceChildren(...outbox.map(({ text }) => line('row mine waiting', bubble(text))));
    const isAway = outbox.length && $('chat').classList.contains('away');
    if (isAway) $('outbox').lastChild.append(make('div', 'why', 'Sent as soon as the connection is back'));
  }

  // ---- The log

  const clock = new Intl.DateTimeFormat([], { hour: 'numeric', minute: '2-digit' });
  const calendar = new Intl.DateTimeFormat([], { weekday: 'long', day: 'numeric', month: 'long' });

  function show(message, isLive) {
    if (message.n) lastNumber = message.n;
    const mine = same(message.from, me), direct = message.type === 'direct';
    if (mine) confirm(message.id);
    const day = calendar.format(message.at), isToday = day === calendar.format(Date.now());
    if (lastShown.day !== day) append(make('div', 'day', isToday ? 'Today' : day), false);
    const group = [lower(message.from), direct && lower(message.to), day].join('\n');
    const more = lastShown.group === group && message.at - lastShown.at < 5 * 60000;
    const big = /^(\p{Extended_Pictographic}[\u{1F3FB}-\u{1F3FF}\uFE0F]*){1,3}$/u.test(message.text);
    const kinds = { mine, direct, more, big, new: isLive && !mine };
    const row = line(['row', ...Object.keys(kinds).filter(kind => kinds[kind])].join(' '), bubble(message.text));
    if (!more) row.prepend(head(message, mine, direct));
    if (!mine && more) $('log').lastChild.querySelector('.avatar')?.remove(); // One face, beside the last bubble.
    if (!mine) row.append(avatar(message.from));
    append(row, mine && isLive, isLive && !mine);
    lastShown = { group, day, at: message.at };
  }

  function head(message, mine, direct) {
    const time = make('time', '', clock.format(message.at));
    time.title = new Date(message.at).toLocaleString();
    const from = mine ? '' : make('bdi', 'from', message.from);
    return direct ? line('head', from, 'only to ', mine ? make('bdi', '', message.to) : 'you', ', ', time)
      : line('head', from, time);
  }

  function bubble(text) {
    const box = make('div', 'text');
    let from = 0;
    for (const match of text.matchAll(/\bhttps?:\/\/[^\s<>"']+/gi)) {
      let url = match[0].replace(/[.,;:!?\]]+$/, '');
      if (!url.includes('(')) url = url.replace(/\).*$/, '');
      const link = make('a', '', url);
      Object.assign(link, { href: url, target: '_blank', rel: 'noopener noreferrer nofollow' });
      box.append(text.slice(from, match.index), link);
      from = match.index + url.length;
    }
    box.append(text.slice(from));
    return box;
  }

  function notice(name, verb) {
    const last = $('log').lastChild;
    if (last?.dataset.name === name) last.remove(); // Came and went: the last word is enough.
    append(line('notice', make('bdi', '', name), ' ' + verb), false);
    $('log').lastChild.dataset.name = name;
  }

  // ---- Scrolling: stay at the end when we were there, else say how much is new

  function append(node, jump, counts) {
    $('log').append(node);
    lastShown = { day: lastShown.day }; // What comes next begins a group, unless show() says otherwise.
    if (counts && document.hidden) unread++;
    if (jump || pinned) toEnd();
    else if (counts) unseen++;
    showCounters();
  }

  function toEnd() {
    pinned = true;
    unseen = 0;
    $('scroll').scrollTop = $('scroll').scrollHeight;
    showCounters();
  }

  function showCounters() {
    $('newer').hidden = unseen === 0;
    $('newer').textContent = '↓ ' + unseen + (unseen === 1 ? ' new message' : ' new messages');
    document.title = (unread ? '(' + unread + ') ' : '') + '#' + room;
  }

  $('scroll').onscroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = $('scroll');
    pinned = scrollHeight - scrollTop - clientHeight < 60;
    if (pinned && unseen) toEnd();
  };
  $('newer').onclick = () => { toEnd(); $('text').focus(); };
  new ResizeObserver(() => { if (pinned) toEnd(); }).observe($('scroll'));
  document.onvisibilitychange = () => {
    if (!document.hidden) unread = 0, showCounters(), probe();
  };

  // ---- People

  function showPeople(names) {
    const people = [...names].sort((a, b) => same(b, me) - same(a, me)); // Myself first.
    $('count').textContent = people.length === 1 ? 'only you' : people.length + ' people';
    $('list').replaceChildren(...people.map(name => {
      const item = make('li'), isMe = same(name, me), entry = make(isMe ? 'a' : 'button');
      entry.append(avatar(name), make('bdi', '', name), make('small', '', isMe ? 'you · rename' : ''));
      if (isMe) entry.href = '/#' + room;
      else entry.onclick = () => writeTo(name), entry.title = 'Write to ' + name + ' alone';
      item.append(entry);
      return item;
    }));
    const rest = people.length - 3;
    $('who').replaceChildren(...people.slice(0, 3).map(avatar));
    if (rest > 0) $('who').append(make('span', 'avatar rest', '+' + rest));
    $('who').setAttribute('aria-label', 'Show who is here: ' + people.length);
  }

  function writeTo(name) {
    $('people').hidePopover();
    $('text').value = '/msg ' + name + ' ' + $('text').value.replace(/^\/msg \S* ?/, '');
    $('text').focus();
    fit();
  }

  function endTyping(name) {
    clearTimeout(typing.get(name));
    if (typing.delete(name)) renderTyping();
  }

  function renderTyping() {
    const names = [...typing.keys()].join(', ');
    $('typing').textContent = names && names + (typing.size > 1 ? ' are' : ' is') + ' writing…';
  }

  // ---- Composer

  function fit() {
    $('text').style.height = 'auto';
    $('text').style.height = Math.max(46, $('text').scrollHeight + 2) + 'px';
  }
  $('text').oninput = () => {
    fit();
    if ($('text').value[0] === '/' || Date.now() - typingSent < 3000) return;
    typingSent = Date.now();
    send({ type: 'typing' });
  };
  $('text').onkeydown = event => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $('composer').requestSubmit();
  };
  $('composer').onsubmit = event => {
    event.preventDefault();
    const text = $('text').value.trim();
    $('text').focus();
    if (!text) return;
    $('text').value = '';
    typingSent = 0;
    fit();
    say(text);
  };

  $('share').onclick = async () => {
    const link = location.origin + '/r/' + room;
    if (navigator.share && matchMedia('(pointer: coarse)').matches) {
      return navigator.share({ title: '#' + room, url: link }).catch(() => {});
    }
    try { await navigator.clipboard.writeText(link); } catch { return prompt('The link of this room:', link); }
    const label = $('share').querySelector('span');
    label.textContent = 'Link copied';
    setTimeout(() => { label.textContent = 'Share room'; }, 2000);
  };

  // The virtual keyboard shrinks the visual viewport only, on some phones.
  visualViewport?.addEventListener('resize', () => {
    if (visualViewport.scale > 1.01) return;
    document.documentElement.style.setProperty('--height', visualViewport.height + 'px');
    scrollTo(0, 0);
  });

  showCounters();
  renderOutbox();
  awayTimer = setTimeout(showAway, 3000);
  connect();
  if (matchMedia('(hover: hover)').matches) $('text').focus();
}

const room = location.pathname.startsWith('/r/') ? asRoom(decoded(location.pathname.slice(3))) : '';
const me = tab.get('name') || device.get('name');
if (room) history.replaceState(null, '', '/r/' + room);
if (room && me) {
  tab.set('name', me);
  openRoom(room, asName(me));
} else showDoor(room);
</script>
</body>
</html>
]==]
