// A headless Chromium for the specs of pages: named tabs, steps that say what they are about, and
// screenshots. playwright-core comes from the directory OPEN_DO_NODE_MODULES.
//
//   await play(async ({ base, tab, step, shoot, script, other }) => { ... })
//
// The options of a tab are those of a context, and `refusals`: statuses that its console may tell of.
// Run as `node NAME_page.mjs BASE_URL SCREENSHOT_DIRECTORY SCRIPT OTHER`; the last is what else the spec tells
// it. On failure: one line that says what was expected, what the consoles said, a screenshot of each tab,
// exit code 1.
import fs from 'node:fs';
import path from 'node:path';
import { require } from './clients/support.mjs';

const { chromium } = require('playwright-core');
const SECONDS = 280; // On a busy machine a browser takes its time.

export async function play(conversation) {
  const [base, shots, script, other] = process.argv.slice(2);
  fs.mkdirSync(shots, { recursive: true });
  setTimeout(() => {
    console.error(`FAILED: the page test did not end within ${SECONDS} seconds`);
    process.exit(1);
  }, SECONDS * 1000).unref();
  const browser = await chromium.launch({
    executablePath: process.env.OPEN_DO_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const tabs = {}, complaints = [];

  async function tab(name, options) {
    const { refusals, ...others } = options ?? {};
    const context = await browser.newContext(others);
    context.setDefaultTimeout(40000);
    const page = tabs[name] = await context.newPage();
    page.on('pageerror', error => complaints.push(name + ': ' + error.message));
    page.on('console', entry => {
      const isExpected = refusals?.some(status => entry.text().includes('status of ' + status));
      if (entry.type() === 'error' && !isExpected) complaints.push(name + ': ' + entry.text());
    });
    return page;
  }

  async function step(what, act) {
    try { await act(); } catch (error) { throw new Error(what + '\n' + error.message); }
    console.log('ok - ' + what);
  }

  const shoot = (page, name) => page.screenshot({ path: path.join(shots, name + '.png') });

  let failed = false;
  try {
    await conversation({ base, tab, step, shoot, script, other });
    if (complaints.length) throw new Error('the consoles are silent\n' + complaints.join('\n'));
  } catch (error) {
    failed = true;
    console.error('FAILED: ' + error.message);
    for (const line of complaints) console.error('console of ' + line);
    for (const [name, page] of Object.entries(tabs)) await shoot(page, 'failed-' + name).catch(() => {});
  }
  await browser.close();
  process.exit(failed ? 1 : 0);
}
