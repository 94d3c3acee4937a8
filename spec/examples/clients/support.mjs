// What the clients here share: packages from the directory OPEN_DO_NODE_MODULES, and a journal of
// what was heard that can be waited for without looking again and again.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = process.env.OPEN_DO_NODE_MODULES ?? 'build/npm/node_modules';
export const require = createRequire(path.join(path.resolve(modules), 'from.js'));

// For packages that are ES modules only: node 18 refuses to require() them.
export const load = name => import(pathToFileURL(require.resolve(name)));

export const webSocketUrl = base => base.replace(/^http/, 'ws');

export class Journal {
  items = [];
  #waiting = new Set();

  push(item) {
    this.items.push(item);
    this.changed();
  }

  changed() {
    for (const look of this.#waiting) look();
  }

  // Resolves with what [condition] returns, as soon as that is neither false nor undefined.
  until(condition) {
    return new Promise(resolve => {
      const look = () => {
        const value = condition(this.items);
        if (value === undefined || value === false) return;
        this.#waiting.delete(look);
        resolve(value);
      };
      this.#waiting.add(look);
      look();
    });
  }

  // All items, when there are at least [count].
  reach(count) {
    return this.until(items => items.length >= count && [...items]);
  }
}
