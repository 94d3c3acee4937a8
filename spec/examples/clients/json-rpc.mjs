// rpc-websockets. What is said is an item added to the list "lobby".
import { Journal, require, webSocketUrl } from './support.mjs';

const { Client } = require('rpc-websockets');

export default class JsonRpcClient {
  heard = new Journal();
  all = new Journal();
  losses = 0;

  constructor(name) { this.name = name; }

  async open(base, list = 'lobby') {
    this.client = new Client(`${webSocketUrl(base)}/lists/${list}`, { reconnect_interval: 50, max_reconnects: 0 });
    this.client.on('close', () => { this.losses++; this.ready = false; });
    this.client.on('error', () => {});
    this.client.on('added', item => this.heard.push(item.text));
    for (const event of ['done', 'removed']) this.client.on(event, item => this.all.push([event, item]));
    this.client.on('open', async () => {
      await this.client.subscribe(['added', 'done', 'removed']);
      this.items = await this.client.call('items');
      this.ready = true;
      this.heard.changed();
    });
    await this.back();
  }

  back(losses = 0) { return this.heard.until(() => this.losses >= losses && this.ready); }
  call(method, ...params) { return this.client.call(method, params).catch(error => ({ error })); }
  notify(method, ...params) { return this.client.notify(method, params); }
  say(text) { return this.call('add', text); }
  hear(count) { return this.heard.reach(count); }
  receive(count) { return this.all.reach(count); }
  stored() { return this.items.map(item => item.text); }
  lost() { return this.losses; }
  close() { this.client.close(); }
}
