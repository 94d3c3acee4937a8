// partysocket. What is said is a note pinned to the board.
import { Journal, require, webSocketUrl } from './support.mjs';

const { PartySocket } = require('partysocket');
const WebSocket = require('ws');

export default class PartyClient {
  heard = new Journal();
  all = new Journal();
  losses = 0;

  constructor(name) { this.name = name; }

  async open(base, room = 'lobby') {
    this.socket = new PartySocket({
      host: webSocketUrl(base).replace('ws://', ''), room, id: this.name, WebSocket,
      query: { name: this.name }, minReconnectionDelay: 50, maxReconnectionDelay: 100,
    });
    this.socket.addEventListener('close', () => { this.losses++; this.welcome = null; });
    this.socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(data);
      this.all.push(message);
      if (message.type === 'welcome') { this.welcome = message; this.heard.changed(); }
      if (message.type === 'note') this.heard.push(message.note.text);
    });
    return this.back();
  }

  // What the room told when it was entered.
  back(losses = 0) { return this.heard.until(() => this.losses >= losses && (this.welcome ?? undefined)); }
  say(text) { this.socket.send(JSON.stringify({ type: 'pin', text, x: 0.5, y: 0.5 })); }
  point(x, y) { this.socket.send(JSON.stringify({ type: 'point', x, y })); }
  send(text) { this.socket.send(text); }
  hear(count) { return this.heard.reach(count); }
  receive(type) { return this.all.until(items => items.find(item => item.type === type)); }
  stored() { return this.welcome.notes.map(note => note.text); }
  lost() { return this.losses; }
  close() { this.socket.close(); }
}
