// Two editors of one document: what one writes the other shows, also with its cursor.
import { play } from './browser.mjs';

const LINES = [
  'Trip to the sea', '',
  'We leave on Friday at seven, from the old bridge.',
  'Cleo brings the tent, Dan the guitar and whatever he',
  'calls breakfast.', '',
  'Still to decide: who drives back, and what if', 'it rains?',
];

await play(async ({ base, tab, step, shoot }) => {
  const page = await tab('pair', { viewport: { width: 1180, height: 640 }, colorScheme: 'light' });
  const side = name => page.getByRole('region', { name }).or(page.locator(`section[aria-label="${name}"]`)).first();
  const text = name => side(name).locator('.cm-content');
  const shows = (name, words) => side(name).locator('.cm-line', { hasText: words }).first().waitFor();

  await step('both editors are connected, and each shows the other', async () => {
    await page.addInitScript(() => { sessionStorage.visits = 0; });
    await page.goto(base + '/?doc=trip');
    for (const name of ['Ann', 'Ben']) {
      await side(name).locator('.status', { hasText: 'connected' }).waitFor();
      await side(name).locator('.people .face').first().waitFor();
    }
  });
  await step('Ann writes, and Ben sees it', async () => {
    await text('Ann').click();
    await page.keyboard.type(LINES.join('\n'));
    await shows('Ben', 'rains?');
  });
  await step('Ben writes in the middle of it, and Ann sees it', async () => {
    await side('Ben').locator('.cm-line', { hasText: 'calls breakfast.' }).click();
    await page.keyboard.press('End');
    await page.keyboard.type(' I bring real bread.');
    await shows('Ann', 'calls breakfast. I bring real bread.');
  });
  await step('Ann sees where Ben is', async () => {
    await side('Ann').locator('.cm-ySelectionInfo', { hasText: 'Ben' }).waitFor();
  });
  await step('somebody who comes later, with a dark screen, finds it all', async () => {
    const late = await tab('late', { viewport: { width: 420, height: 760 }, colorScheme: 'dark' });
    await late.goto(base + '/?doc=trip');
    await late.locator('.cm-line', { hasText: 'I bring real bread.' }).first().waitFor();
    await shoot(late, 'yjs-late');
    await late.close();
  });
  await text('Ann').click({ position: { x: 120, y: 30 } });
  await page.keyboard.press('Shift+End');
  await side('Ben').locator('.cm-ySelectionInfo', { hasText: 'Ann' }).waitFor();
  await shoot(page, 'yjs');
});
