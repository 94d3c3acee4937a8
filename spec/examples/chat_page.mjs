// The chat's page in a real browser: Ann and Ben talk, Ann reloads and finds everything again.
import { play } from './browser.mjs';

const say = async (page, text) => {
  await page.getByLabel('Your message').fill(text);
  await page.keyboard.press('Enter');
};
const hears = (page, text) => page.locator('#log .text', { hasText: text }).first().waitFor();
const people = (page, count) => page.locator('#count', { hasText: count }).waitFor();

function check(condition, what) {
  if (!condition) throw new Error(what);
}

await play(async ({ base, tab, step, shoot }) => {
  const room = 'page-' + Date.now();
  const ann = await tab('ann', { viewport: { width: 1180, height: 760 }, colorScheme: 'light' });
  const ben = await tab('ben', {
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
    await ann.waitForFunction(() => !document.querySelector('#outbox .row')); // All was confirmed.
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
    await shoot(ben, 'ben');
    await ben.context().close();
    await people(ann, 'only you');
  });
  await shoot(ann, 'ann');
});
