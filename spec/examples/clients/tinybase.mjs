// TinyBase: a mergeable store with its WebSocket synchronizer. What is said is a row of "said".
import { Journal, load, require, webSocketUrl } from './support.mjs';

const { createMergeableStore } = await load('tinybase');
const { createWsSynchronizer } = await load('tinybase/synchronizers/synchronizer-ws-client');
const WebSocket = require('ws');

export default class TinyBaseClient {
  heard = new Journal();
  losses = 0;

  constructor(name) {
    this.name = name;
    this.store = createMergeableStore(name);
    this.store.addTablesListener(() => this.heard.changed());
    this.store.addValuesListener(() => this.heard.changed());
  }

  // TinyBase leaves reconnecting to its caller.
  async open(base, room = 'lobby') {
    this.where = `${webSocketUrl(base)}/stores/${room}`;
    const socket = this.socket = new WebSocket(this.where);
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.socket !== socket) return;
      this.losses++;
      this.ready = false;
      setTimeout(() => { if (this.socket === socket) this.open(base, room).catch(() => {}); }, 50);
    });
    this.synchronizer = await createWsSynchronizer(this.store, socket, 5);
    await this.synchronizer.startSync();
    this.ready = true;
    this.heard.changed();
  }

  back(losses = 0) { return this.heard.until(() => this.losses >= losses && this.ready); }

  stored() {
    const rows = this.store.getTable('said');
    return Object.keys(rows).sort((a, b) => a - b).map(row => rows[row].text);
  }

  say(text) { this.store.setRow('said', text.replace(/\D/g, ''), { text, by: this.name }); }
  hear(count) { return this.heard.until(() => this.stored().length >= count && this.stored()); }
  setCell(table, row, cell, value) { this.store.setCell(table, row, cell, value); }
  delRow(table, row) { this.store.delRow(table, row); }
  setValue(name, value) { this.store.setValue(name, value); }

  // Waits until the store holds just this.
  agree(tables, values = {}) {
    const sorted = value => value && typeof value === 'object'
      ? Object.fromEntries(Object.keys(value).sort().map(key => [key, sorted(value[key])])) : value;
    const expected = JSON.stringify(sorted([tables, values]));
    return this.heard.until(() => JSON.stringify(sorted(this.store.getContent())) === expected);
  }

  lost() { return this.losses; }

  close() {
    const { socket } = this;
    this.socket = null;
    return new Promise(resolve => { socket.on('close', () => resolve(null)); this.synchronizer.destroy(); });
  }
}
