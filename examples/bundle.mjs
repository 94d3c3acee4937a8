// Makes the page of an example: page.html with page.js and what it imports from npm in it, as the Lua
// module bundle.lua beside them, which the script requires. Nothing is fetched by the browser but
// from open-do. The packages are those of build/npm (spec/support/npm.sh installs them).
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
const html = fs.readFileSync(path.join(folder, 'page.html'), 'utf8')
  .replace('<script src="page.js"></script>', () => `<script>\n${script}</script>`);

let level = '=';
while (html.includes(']' + level + ']')) level += '=';
const target = path.join(folder, 'bundle.lua');
const lua = `-- Made by examples/bundle.mjs.\nreturn [${level}[\n${html}]${level}]\n`;
if (!fs.existsSync(target) || fs.readFileSync(target, 'utf8') !== lua) {
  fs.writeFileSync(target + '.new', lua);
  fs.renameSync(target + '.new', target); // A server that watches sees all of it or nothing.
}
