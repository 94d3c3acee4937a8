// The chat's page in a real browser: Ann and Ben talk, Ann reloads and finds everything again.
//
//   node chat_page.mjs BASE_URL SCREENSHOT_DIRECTORY [CHROMIUM]
//
// playwright-core comes from the directory OPEN_DO_NODE_MODULES. On failure: one line that says what
// was expected, a screenshot of each tab, exit code 1.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';

const [base, shots, chromiumPath = process.env.OPEN_DO_CHROMIUM ?? '/usr/bin/chromium'] = process.argv.slice(2);
const modules = process.env.OPEN_DO_NODE_MODULES;
if (!base || !shots || !modules) {
  console.error('usage: OPEN_DO_NODE_MODULES=DIR node chat_page.mjs BASE_URL SCREENSHOT_DIRECTORY [CHROMIUM]');
  process.exit(2);
}
const { chromium } = createRequire(path.join(path.resolve(modules), 'from.js'))('playwright-core');
fs.mkdirSync(shots, { recursive: true });

const deadline = setTimeout(() => {
  console.error('FAILED: the page test did not end within 90 seconds');
  process.exit(1);
}, 90000);
const browser = await chromium.launch({
  executablePath: chromiumPath,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const tabs = {};
const complaints = [];

async function openTab(who, options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(10000);
  const page = tabs[who] = await context.newPage();
  page.on('pageerror', error => complaints.push(who + ': ' + error.message));
  page.on('console', entry => { if (entry.type() === 'error') complaints.push(who + ': ' + entry.text()); });
  return page;
}

async function step(what, act) {
  try { await act(); } catch (error) { throw new Error(what + '\n' + error.message); }
  console.log('ok - ' + what);
}

const say = async (page, text) => {
  await page.getByLabel('Your message').fill(text);
  await page.keyboard.press('Enter');
};
const hears = (page, text) => page.locator('#log .text', { hasText: text }).first().waitFor();
const people = (page, count) => page.locator('#count', { hasText: count }).waitFor();

function check(condition, what) {
  if (!condition) throw new Error(what);
}

async function conversation() {
  const room = 'page-' + Date.now();
  const ann = await openTab('ann', { viewport: { width: 1180, height: 760 }, colorScheme: 'light' });
  const ben = await openTab('ben', {
    viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true, colorScheme: 'dark',
  });

  await step('Ann chooses a name and a room, and is alone', async () => {
    await ann.goto(base + '/');
    await ann.getByLabel('Your name').fill('Ann');
    await ann.getByLabel('Room', { exact: true }).fill(room);
    await ann.getByRole('button', { name: 'Enter the room' }).click();
    await people(ann, 'only you');
    check(new URL(ann.url()).pathname === '/r/' + room, 'the address is ' + ann.url());
  });
  await step('Ben follows the link, and Ann sees him come', async () => {
    await ben.goto(base + '/r/' + room);
    await ben.getByLabel('Your name').fill('Ben');
    await ben.getByRole('button', { name: 'Enter the room' }).click();
    await people(ben, '2 people');
    await people(ann, '2 people');
    await ann.locator('.notice', { hasText: 'Ben joined' }).waitFor();
  });
  await step('They talk', async () => {
    await say(ann, 'Hello Ben');
    await hears(ben, 'Hello Ben');
    await say(ben, 'Hello Ann, look: https://example.org/cake.');
    await hears(ann, 'Hello Ann');
    check(await ann.locator('#log a').getAttribute('href') === 'https://example.org/cake', 'the link is wrong');
  });
  await step('Markup in a message is text', async () => {
    await say(ben, '<img src=x onerror="document.title=1"><b>bold</b>');
    await hears(ann, '<b>bold</b>');
    check(await ann.locator('#log img, #log b').count() === 0, 'the page built elements from a message');
  });
  await step('A word to Ben alone', async () => {
    await say(ann, '/msg Ben only for you');
    await ben.locator('.row.direct .text', { hasText: 'only for you' }).waitFor();
  });
  await step('Ann reloads and finds history and people again', async () => {
    await ann.reload();
    await hears(ann, 'Hello Ben');
    await hears(ann, 'Hello Ann');
    await people(ann, '2 people');
    check(await ann.locator('#list bdi').allTextContents().then(names => names.sort().join()) === 'Ann,Ben',
      'the list of people is wrong');
    check(await ann.locator('#outbox .row').count() === 0, 'something waits in the outbox');
  });
  await step('and the talk goes on', async () => {
    await say(ben, 'Welcome back');
    await hears(ann, 'Welcome back');
    await say(ann, 'Thanks');
    await hears(ben, 'Thanks');
  });
  await step('A second tab of Ann does not count twice, and leaving is seen', async () => {
    const second = await ann.context().newPage();
    await second.goto(base + '/r/' + room);
    await hears(second, 'Thanks');
    await people(second, '2 people');
    await second.close();
    await people(ben, '2 people');
    await ben.screenshot({ path: path.join(shots, 'ben.png') });
    await ben.context().close();
    delete tabs.ben;
    await people(ann, 'only you');
  });
  await step('Nothing was complained about in the console', async () => {
    check(complaints.length === 0, complaints.join('\n'));
  });
  await ann.screenshot({ path: path.join(shots, 'ann.png') });
}

let failure;
try {
  await conversation();
} catch (error) {
  failure = error;
  console.error('FAILED: ' + error.message);
  for (const line of complaints) console.error('console of ' + line);
  for (const [who, page] of Object.entries(tabs)) {
    await page.screenshot({ path: path.join(shots, 'failed-' + who + '.png') }).catch(() => {});
  }
}
await browser.close();
clearTimeout(deadline);
process.exit(failure ? 1 : 0);
