// A board to pin notes on, with everybody's cursor. The connection is partysocket as npm has it: it
// comes back by itself, and under the same id.
import PartySocket from 'partysocket';

const NAMES = ['Ann', 'Ben', 'Cleo', 'Dan', 'Eve', 'Finn', 'Gus', 'Hana'];
const COLOURS = ['#3b78d8', '#c2557f', '#3d9a6a', '#b9822b', '#7b61c9', '#2f9aa8', '#a8503a', '#587a2e'];
const PAPERS = ['#fff6b8', '#d9f0d0', '#d6e8fb', '#fbdfe6', '#eadffb'];
const query = new URLSearchParams(location.search);
const name = query.get('name') ?? (sessionStorage.name ||= NAMES[Math.floor(Math.random() * NAMES.length)]);

const board = document.getElementById('board');
const people = new Map(); // Id to { name, x, y }
const cursors = new Map(); // Id to element

const socket = new PartySocket({ host: location.host, room: query.get('room') ?? 'lobby', query: { name } });
const say = message => socket.send(JSON.stringify(message));

function hash(text) {
  let sum = 7;
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum;
}
const colourOf = name => COLOURS[NAMES.includes(name) ? NAMES.indexOf(name) : hash(name) % COLOURS.length];

function make(kind, className, ...children) {
  const element = document.createElement(kind);
  element.className = className;
  element.append(...children);
  return element;
}

function place(element, { x, y }) {
  element.style.left = x * 100 + '%';
  element.style.top = y * 100 + '%';
}

function showNote(note, isNew) {
  const element = make('div', isNew ? 'note new' : 'note', note.text, make('small', '', note.by));
  element.style.setProperty('--tilt', (note.number * 37 % 9 - 4) + 'deg');
  element.style.setProperty('--paper', PAPERS[hash(note.by) % PAPERS.length]);
  place(element, note);
  board.append(element);
}

function showCursor(id) {
  const person = people.get(id);
  if (person?.x === undefined) return;
  let cursor = cursors.get(id);
  if (!cursor) {
    const colour = colourOf(person.name), label = make('span', '', person.name);
    label.style.background = colour;
    cursor = make('div', 'cursor');
    cursor.innerHTML = `<svg width="20" height="22" viewBox="0 0 20 22"><path d="M2 1l15 10-7 1.5L6.5 20z" fill="${colour}" stroke="#fff" stroke-width="1.5" stroke-linejoin="round"/></svg>`;
    cursor.append(label);
    cursors.set(id, cursor);
    board.append(cursor);
  }
  place(cursor, person);
}

function showPeople() {
  document.getElementById('people').replaceChildren(...[name, ...[...people.values()].map(person => person.name)].map(name => {
    const face = make('span', 'face', name[0]);
    face.style.background = colourOf(name);
    face.title = name;
    return face;
  }));
}

function forget(id) {
  people.delete(id);
  cursors.get(id)?.remove();
  cursors.delete(id);
}

const receivers = {
  welcome(data) {
    board.replaceChildren();
    for (const id of [...people.keys()]) forget(id);
    for (const note of data.notes) showNote(note);
    for (const { id, state } of data.people) people.set(id, state), showCursor(id);
    showPeople();
  },
  joined({ id, state }) { people.set(id, state); showPeople(); },
  left({ id }) { forget(id); showPeople(); },
  point({ id, x, y }) { Object.assign(people.get(id) ?? {}, { x, y }); showCursor(id); },
  note({ note }) { showNote(note, true); },
};

const status = document.getElementById('status');
socket.addEventListener('open', () => { status.className = 'open'; status.textContent = 'connected'; });
socket.addEventListener('close', () => { status.className = ''; status.textContent = 'reconnecting'; });
socket.addEventListener('message', event => { const data = JSON.parse(event.data); receivers[data.type]?.(data); });

let pointed = 0;
board.addEventListener('pointermove', event => {
  if (event.timeStamp - pointed < 40) return; // 25 a second look smooth.
  pointed = event.timeStamp;
  say({ type: 'point', x: event.clientX / innerWidth, y: event.clientY / innerHeight });
});

board.addEventListener('click', event => {
  document.querySelector('form')?.remove();
  const at = { x: event.clientX / innerWidth, y: event.clientY / innerHeight };
  const field = make('textarea', ''), form = make('form', '', field);
  field.setAttribute('aria-label', 'Your note');
  field.maxLength = 140;
  const pin = () => {
    const text = field.value.trim();
    form.remove();
    if (text) say({ type: 'pin', text, ...at });
  };
  field.onkeydown = event => {
    if (event.key === 'Escape') form.remove();
    if (event.key === 'Enter' && !event.shiftKey) event.preventDefault(), pin();
  };
  place(form, at);
  document.body.append(form);
  field.focus();
});
showPeople();
