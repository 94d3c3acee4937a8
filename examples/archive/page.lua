-- The page of the archive: one document, one field. What is typed is looked for while it is typed;
-- Enter with Alt, or the button, says it.
-- luacheck: no max line length
return [==[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Archive</title>
<link rel="icon" href="data:,">
<style>
  :root { font: 16px/1.5 system-ui, sans-serif; --soft: #777; --line: #8883; --accent: #0f766e; }
  body { max-width: 44rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
  header { display: flex; gap: .5rem; position: sticky; top: 0; padding: .5rem 0; background: Canvas; }
  input, button { font: inherit; padding: .6rem .8rem; border: 1px solid var(--line); border-radius: .6rem; }
  #who { width: 7rem; } #text { flex: 1; min-width: 0; }
  button { background: var(--accent); color: #fff; border: 0; cursor: pointer; }
  ul { list-style: none; padding: 0; } li { padding: .5rem 0; border-bottom: 1px solid var(--line); }
  small { color: var(--soft); } mark { border-radius: .2rem; padding: 0 .15rem; }
</style>
</head>
<body>
<h1>Archive</h1>
<header>
  <input id="who" value="Ann" aria-label="Your name" maxlength="60">
  <input id="text" placeholder="Look for words, or say something" aria-label="Words" autofocus>
  <button id="say">Say</button>
</header>
<p id="state" role="status"><small>the latest</small></p>
<ul id="list"></ul>
<script>
const $ = (id) => document.getElementById(id);
const room = location.pathname.split("/")[2] || "lobby";
const base = "/rooms/" + room + "/";
let asked = 0;

function item(message) {
  const li = document.createElement("li"), head = document.createElement("small");
  head.textContent = message.who + ", " + new Date(message.at).toLocaleString();
  li.append(head, document.createElement("br"));
  message.text.split(/\x01|\x02/).forEach((part, i) => {
    const element = document.createElement(i % 2 ? "mark" : "span");
    element.textContent = part;
    li.append(element);
  });
  return li;
}

async function show() {
  const query = $("text").value.trim(), number = ++asked;
  const answer = await fetch(base + "messages" + (query ? "?q=" + encodeURIComponent(query) : ""));
  const messages = await answer.json();
  if (number !== asked) return;
  $("list").replaceChildren(...messages.map(item));
  $("state").firstChild.textContent = query ? messages.length + " found" : "the latest";
}

async function say() {
  const text = $("text").value.trim();
  if (!text) return;
  const body = JSON.stringify({ who: $("who").value.trim() || "Ann", text });
  const answer = await fetch(base + "messages", { method: "POST", body });
  if (answer.ok) { $("text").value = ""; show(); }
}

function listen() {
  const socket = new WebSocket(location.origin.replace("http", "ws") + base + "socket");
  socket.onmessage = () => { if (!$("text").value.trim()) show(); };
  socket.onclose = () => setTimeout(listen, 1000);
}

$("text").addEventListener("input", show);
$("text").addEventListener("keydown", (event) => { if (event.key === "Enter" && event.altKey) say(); });
$("say").addEventListener("click", say);
show();
listen();
</script>
</body>
</html>
]==]
