// yjs with y-websocket. What is said is a line of the shared text "text".
import { Journal, require, webSocketUrl } from './support.mjs';

const Y = require('yjs');
const { WebsocketProvider } = require('y-websocket');
const WebSocketPolyfill = require('ws');

export default class YjsClient {
  heard = new Journal();
  losses = 0;

  constructor(name) { this.name = name; }

  async open(base, room = 'lobby') {
    this.doc = new Y.Doc();
    this.text = this.doc.getText('text');
    this.text.observe(() => this.heard.changed());
    this.provider = new WebsocketProvider(webSocketUrl(base) + '/docs', room, this.doc, {
      WebSocketPolyfill, disableBc: true, maxBackoffTime: 100,
    });
    this.provider.on('connection-close', () => { this.losses++; this.heard.changed(); });
    this.provider.on('sync', () => this.heard.changed());
    this.provider.awareness.on('change', () => this.heard.changed());
    this.provider.awareness.setLocalStateField('user', { name: this.name });
    await this.back();
  }

  back(losses = 0) { return this.heard.until(() => this.losses >= losses && this.provider.synced); }

  say(line) { this.text.insert(this.text.length, line + '\n'); }

  hear(count) {
    return this.heard.until(() => {
      const lines = this.text.toString().split('\n').slice(0, -1);
      return lines.length >= count && lines;
    });
  }

  stored() { return this.hear(0); }
  lost() { return this.losses; }

  insert(at, text) { this.text.insert(at, text); }
  paste(count) { this.text.insert(0, 'é'.repeat(count) + '\n'); }
  length() { return this.text.length; }
  remove(at, length) { this.text.delete(at, length); }

  // Types [count] letters and deletes the same number, one after the other, as a restless person.
  fidget(count) {
    for (let i = 0; i < count; i++) {
      this.text.insert(0, 'x');
      this.text.delete(0, 1);
    }
  }

  // Random edits of texts, maps, arrays and formats that the same [seed] repeats.
  scribble(seed, count) {
    const random = n => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor(seed / 65536) % n; };
    const map = this.doc.getMap('map'), list = this.doc.getArray('list');
    const words = ['a', 'bc', 'héllo', '日本', '\n', ' '];
    const acts = [
      () => this.text.insert(random(this.text.length + 1), words[random(words.length)]),
      () => { const at = random(this.text.length + 1); this.text.delete(at, Math.min(this.text.length - at, random(5))); },
      () => map.set('key' + random(3), random(2) ? random(1000) : { deep: [1, null, 1.5, 'é', true] }),
      () => list.insert(random(list.length + 1), [random(100), 'z', { q: 1 }]),
      () => { const at = random(list.length + 1); list.delete(at, Math.min(list.length - at, random(3))); },
      () => { const inner = new Y.Map(); map.set('inner', inner); inner.set('text', new Y.Text('😀 inner')); },
      () => map.get('inner')?.get('text')?.insert(0, 'w'),
      () => this.text.length && this.text.format(0, 1, { bold: random(2) ? true : null }),
    ];
    for (let i = 0; i < count; i++) acts[random(acts.length)]();
  }

  // All of the document as a text that two clients can be compared by.
  contents() {
    const sorted = value => Array.isArray(value) ? value.map(sorted)
      : value && typeof value === 'object' ? Object.fromEntries(Object.keys(value).sort().map(key => [key, sorted(value[key])]))
      : value;
    const { doc } = this;
    return JSON.stringify(sorted([this.text.toDelta(), doc.getMap('map').toJSON(), doc.getArray('list').toJSON()]));
  }

  // Waits until the contents are [expected].
  agree(expected) {
    this.doc.on('update', () => this.heard.changed());
    return this.heard.until(() => this.contents() === expected);
  }

  // Waits until just these names are here.
  people(...expected) {
    const names = () => [...this.provider.awareness.getStates().values()].map(state => state.user?.name).sort();
    return this.heard.until(() => names().join() === expected.join() && names());
  }

  close() { this.provider.destroy(); }

  // Sends bytes that are no update; resolves with the code of the close.
  lie(bytes) {
    return new Promise(resolve => {
      this.provider.ws.on('close', code => resolve(code));
      this.provider.shouldConnect = false;
      this.provider.ws.send(Buffer.from(bytes, 'hex'));
    });
  }
}
