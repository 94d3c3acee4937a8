// Two editors of one document, each with a Yjs document and a WebSocket of its own, as if they were
// on two machines. Nothing here knows open-do: it is what y-websocket and y-codemirror.next document.
import { minimalSetup } from 'codemirror';
import { EditorView } from '@codemirror/view';
import { yCollab } from 'y-codemirror.next';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';

const COLOURS = ['#3b78d8', '#c2557f', '#3d9a6a', '#b9822b', '#7b61c9', '#2f9aa8'];
const name = new URLSearchParams(location.search).get('doc')?.replace(/[^\w-]/g, '') || 'lobby';
const visits = Number(sessionStorage.visits ??= Math.floor(Math.random() * 3));

function make(kind, className, ...children) {
  const element = document.createElement(kind);
  element.className = className;
  element.append(...children);
  return element;
}

function face({ name, color }) {
  const element = make('span', 'face', name[0]);
  element.style.background = color;
  element.title = name;
  return element;
}

function openEditor(user) {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(location.origin.replace(/^http/, 'ws') + '/docs', name, doc, {
    disableBc: true, // Else two editors of one browser would talk behind the server's back.
  });
  provider.awareness.setLocalStateField('user', { ...user, colorLight: user.color + '33' });

  const status = make('span', 'status', 'connecting');
  const people = make('div', 'people');
  const place = make('div', 'editor');
  const section = make('section', 'away', make('div', 'bar', face(user), make('b', '', user.name), status, people), place);
  section.setAttribute('aria-label', user.name);
  document.querySelector('main').append(section);

  provider.on('status', event => {
    section.classList.toggle('away', event.status !== 'connected');
    status.textContent = event.status;
  });
  provider.awareness.on('change', () => {
    const others = [...provider.awareness.getStates()].filter(([client, state]) => client !== doc.clientID && state.user);
    people.replaceChildren(...others.map(([, state]) => face(state.user)));
  });

  const text = doc.getText('text');
  new EditorView({
    parent: place,
    doc: text.toString(),
    extensions: [minimalSetup, EditorView.lineWrapping, yCollab(text, provider.awareness)],
  });
  return { doc, provider };
}

document.getElementById('name').textContent = 'docs/' + name;
// A second window is two other people.
window.editors = [['Ann', 'Ben'], ['Cleo', 'Dan'], ['Eve', 'Finn']][visits % 3]
  .map((name, i) => openEditor({ name, color: COLOURS[(visits % 3) * 2 + i] }));
