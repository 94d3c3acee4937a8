// Makes the script of an example's page: page.js with what it imports from npm, as public/page.js
// beside public/index.html. Nothing is fetched by the browser but from open-do. The packages are those
// of build/npm (spec/support/npm.sh installs them).
//
//   node examples/bundle.mjs yjs
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const modules = process.env.OPEN_DO_NODE_MODULES ?? path.join(root, 'build/npm/node_modules');
const { build } = createRequire(path.join(modules, 'from.js'))('esbuild');

const folder = path.join(root, 'examples', process.argv[2]);
const { outputFiles } = await build({
  entryPoints: [path.join(folder, 'page.js')],
  nodePaths: [modules],
  bundle: true,
  minify: true,
  write: false,
  target: 'es2022',
  logLevel: 'warning',
});
const script = outputFiles[0].text;
const target = path.join(folder, 'public/page.js');
if (!fs.existsSync(target) || fs.readFileSync(target, 'utf8') !== script) {
  fs.writeFileSync(target + '.new', script);
  fs.renameSync(target + '.new', target); // A browser gets all of it or nothing.
}
