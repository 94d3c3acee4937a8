// Runs the conformance suite of the Durable Streams protocol against a server and prints, as one
// line of JSON, how many cases it has, which of them fail, and which were tried again:
//
//   OPEN_DO_NODE_MODULES=DIR node durable_streams.mjs BASE_URL
//
// What the suite does not begin, unless it is told to, are subscriptions, an extension.

import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = path.resolve(process.env.OPEN_DO_NODE_MODULES);
const vitest = createRequire(path.join(modules, 'from.js')).resolve('vitest/node');
const { startVitest } = await import(pathToFileURL(vitest));

const PATIENCE_MS = 60000; // The machine may be busy; the suite itself waits for two seconds at most.

process.env.CONFORMANCE_TEST_URL = process.argv[2];
const run = await startVitest('test', [], {
  root: path.join(modules, '@durable-streams/server-conformance-tests'),
  include: ['dist/test-runner.js'], exclude: [], watch: false, config: false,
  reporters: [{}], testTimeout: PATIENCE_MS, hookTimeout: PATIENCE_MS, retry: 3,
});
const result = { passed: 0, failed: 0, skipped: 0, again: [], problems: [] };
for (const file of run.state.getTestModules()) {
  result.problems.push(...file.errors().map((error) => error.message));
  for (const test of file.children.allTests()) {
    const { state, errors } = test.result();
    result[state] += 1;
    if (test.diagnostic()?.flaky) {
      result.again.push(test.fullName);
    } else {
      result.problems.push(...(errors ?? []).map((each) => `${test.fullName}: ${each.message}`));
    }
  }
}
console.log(JSON.stringify(result));
process.exit(0);
