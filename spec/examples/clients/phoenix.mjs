// The phoenix client with a channel and its presence. What is said is "new_msg" in "room:lobby".
import { Journal, require, webSocketUrl } from './support.mjs';

const { Presence, Socket } = require('phoenix');
const WebSocket = require('ws');

export default class PhoenixClient {
  heard = new Journal();
  losses = 0;
  channels = {};

  constructor(name) { this.name = name; }

  async open(base, topic = 'room:lobby') {
    this.socket = new Socket(webSocketUrl(base) + '/socket', {
      transport: WebSocket, reconnectAfterMs: () => 50, rejoinAfterMs: () => 50, heartbeatIntervalMs: 5000,
    });
    this.socket.onClose(() => { this.losses++; });
    this.socket.connect();
    return this.join(topic);
  }

  // Joins another topic; resolves with the reply, or with { error }.
  join(topic, payload = { name: this.name }) {
    const channel = this.channels[topic] = this.socket.channel(topic, payload);
    channel.on('new_msg', message => this.heard.push(topic === 'room:lobby' ? message.text : `${topic} ${message.text}`));
    channel.on('typing', message => this.heard.push('typing ' + message.from));
    const presence = channel.presence = new Presence(channel);
    presence.onSync(() => this.heard.changed());
    return new Promise(resolve => channel.join()
      .receive('ok', reply => { channel.reply = reply; this.heard.changed(); resolve(reply); })
      .receive('error', error => { channel.leave(); resolve({ error }); }));
  }

  back(losses = 0) {
    return this.heard.until(() => this.losses >= losses && this.socket.isConnected()
      && this.channels['room:lobby'].state === 'joined');
  }

  push(topic, event, payload) {
    return new Promise((resolve, reject) => this.channels[topic].push(event, payload)
      .receive('ok', resolve).receive('error', error => resolve({ error })).receive('timeout', () => reject(new Error('no reply'))));
  }

  leave(topic) { return new Promise(resolve => this.channels[topic].leave().receive('ok', () => resolve(null))); }
  say(text) { return this.push('room:lobby', 'new_msg', { text }); }
  hear(count) { return this.heard.reach(count); }
  stored() { return this.channels['room:lobby'].reply.messages.map(message => message.text); }

  // Waits until just these are here in the topic, each name as often as it has tabs.
  people(topic, ...expected) {
    const names = () => this.channels[topic].presence.list((key, { metas }) => metas.map(() => key)).flat().sort();
    return this.heard.until(() => names().join() === expected.join() && names());
  }

  lost() { return this.losses; }
  close() { return new Promise(resolve => this.socket.disconnect(() => resolve(null))); }
}
