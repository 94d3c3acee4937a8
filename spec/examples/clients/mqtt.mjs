// mqtt.js over WebSocket. What is said is published to "room/said" with quality 1.
import { Journal, require, webSocketUrl } from './support.mjs';

const mqtt = require('mqtt');

export default class MqttClient {
  heard = new Journal();
  all = new Journal(); // Every message with its topic.
  losses = 0;

  constructor(name) { this.name = name; }

  // options: those of mqtt.js; `subscribe` = false: do not.
  async open(base, { subscribe = true, ...options } = {}) {
    this.connected = false;
    this.client = mqtt.connect(webSocketUrl(base) + '/mqtt', {
      clientId: this.name, reconnectPeriod: 100, connectTimeout: 10000, ...options,
    });
    this.client.on('close', () => { this.losses++; this.connected = false; });
    this.client.on('error', error => { this.problem = error.message; this.all.changed(); });
    this.client.on('connect', packet => { this.present = packet.sessionPresent; this.connected = true; this.all.changed(); });
    this.client.on('offline', () => { this.connected = false; });
    this.client.on('message', (topic, payload, packet) => {
      this.all.push({ topic, text: payload.toString(), qos: packet.qos, retain: packet.retain });
      if (topic === 'room/said' && !packet.retain) this.heard.push(payload.toString());
    });
    await this.back();
    if (subscribe) await this.subscribe('room/#', 1);
  }

  back(losses = 0) {
    return this.all.until(() => this.problem ?? (this.losses >= losses && this.connected ? 'connected' : false));
  }
  session() { return this.present; }

  async subscribe(filter, qos) {
    const [granted] = await this.client.subscribeAsync(filter, { qos });
    return granted.qos;
  }

  unsubscribe(filter) { return this.client.unsubscribeAsync(filter).then(() => null); }
  publish(topic, text, options) { return this.client.publishAsync(topic, text, options).then(() => null); }
  say(text) { return this.publish('room/said', text, { qos: 1 }); }
  hear(count) { return this.heard.reach(count); }
  receive(count) { return this.all.reach(count); }
  forget() { this.all.items.length = 0; }
  lost() { return this.losses; }
  close() { return this.client.endAsync().then(() => null); }

  // Goes without a word, and stays away.
  cut() {
    this.client.options.reconnectPeriod = 0;
    this.client.stream.socket?.terminate?.();
    this.client.stream.destroy();
  }
}
