// socket.io-client, websocket only. What is said is said in the room "lobby".
import { Journal, require } from './support.mjs';

const { io } = require('socket.io-client');

export default class SocketIoClient {
  heard = new Journal();
  all = new Journal();
  losses = 0;

  constructor(name) { this.name = name; }

  async open(base, room = 'lobby') {
    this.socket = io(base, { transports: ['websocket'], forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 100 });
    this.socket.on('disconnect', () => { this.losses++; this.entered = null; });
    this.socket.on('said', (where, message) => { if (where === 'lobby') this.heard.push(message.text); });
    this.socket.onAny((event, ...values) => this.all.push([event, ...values]));
    this.socket.on('connect', async () => {
      this.entered = await this.ask('enter', room, this.name);
      this.heard.changed();
    });
    return this.back();
  }

  // What the room acknowledged when it was entered.
  back(losses = 0) { return this.heard.until(() => this.losses >= losses && (this.entered ?? undefined)); }
  ask(event, ...values) { return this.socket.timeout(10000).emitWithAck(event, ...values); }
  emit(event, ...values) { this.socket.emit(event, ...values); }
  say(text) { return this.ask('say', 'lobby', text); }
  hear(count) { return this.heard.reach(count); }
  receive(event) { return this.all.until(items => items.find(item => item[0] === event)); }
  stored() { return this.entered.messages.map(message => message.text); }
  lost() { return this.losses; }
  close() { this.socket.close(); }

  // Connects to another namespace; resolves with the error it gets.
  knock(base, namespace) {
    const socket = io(base + namespace, { transports: ['websocket'], forceNew: true, reconnection: false });
    return new Promise(resolve => socket.on('connect_error', error => { socket.close(); resolve(error.message); }));
  }
}
