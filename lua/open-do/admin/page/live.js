// The one WebSocket: questions, and what is to be pushed (lua/open-do/admin/live.lua).

const waiting = new Map(); // Number -> who waits for one answer.
const watches = new Map(); // Number -> what is pushed.
const listeners = new Set();
let socket, isOpen = false, last = 0, pause = 250;

export const onState = tell => { listeners.add(tell); tell(isOpen); };

function say(message) {
  if (isOpen) socket.send(JSON.stringify(message));
}

function setOpen(now) {
  isOpen = now;
  for (const tell of listeners) tell(now);
}

const begin = (id, watch) => say({ id, command: watch.command, arguments: watch.given, again: true });

function take(message) {
  const one = waiting.get(message.id), watch = watches.get(message.id);
  if (one) {
    waiting.delete(message.id);
    if (message.ok) one.resolve(message.value);
    else one.reject(new Error(message.error));
  } else if (watch && message.ok) {
    watch.tell(message.value);
  } else if (watch) {
    watch.fail?.(message.error);
  }
}

// Who is refused hears no status: a question over HTTP says whether it is the token.
async function lookWhy() {
  const answer = await fetch('/api/commands').catch(() => null);
  if (answer?.status === 401) location.replace('/');
}

export function connect() {
  socket = new WebSocket((location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + '/live');
  socket.onopen = () => {
    pause = 250;
    setOpen(true);
    for (const [id, watch] of watches) begin(id, watch);
  };
  socket.onmessage = event => take(JSON.parse(event.data));
  socket.onclose = () => {
    if (!isOpen) lookWhy();
    setOpen(false);
    for (const one of waiting.values()) one.reject(new Error('the connection is gone'));
    waiting.clear();
    setTimeout(connect, pause);
    pause = Math.min(pause * 2, 4000);
  };
}

export function ask(command, given = {}) {
  const id = ++last;
  return new Promise((resolve, reject) => {
    if (!isOpen) return reject(new Error('open-do does not answer'));
    waiting.set(id, { resolve, reject });
    say({ id, command, arguments: given });
  });
}

/** Tells the answer now, and each time it has changed. Returns what ends it. */
export function watch(command, given, tell, fail) {
  const id = ++last;
  watches.set(id, { command, given, tell, fail });
  begin(id, watches.get(id));
  return () => {
    watches.delete(id);
    say({ id, stop: true });
  };
}
