// A feed that misses nothing: Ann and Ben write, Ben is away for a while, and nobody comes back who said bye.
import { play } from './browser.mjs';

await play(async ({ base, tab, step }) => {
  const ann = await tab('Ann'), ben = await tab('Ben');
  const say = async (page, text) => {
    await page.locator('#text').fill(text);
    await page.locator('#text').press('Enter');
  };
  const shows = (page, ...lines) => page.waitForFunction(lines =>
    lines.join() === Array.from(document.querySelectorAll('#lines p'), p => p.textContent).join(), lines);
  const state = (page, text) => page.locator('#state', { hasText: text }).waitFor();

  await step('what one says, both see', async () => {
    // The page's socket, so that it can be cut as a tunnel does; and it comes back when it may.
    await ben.addInitScript(() => {
      const Own = WebSocket, later = setTimeout;
      window.WebSocket = class extends Own {
        constructor(url) {
          super(url);
          window.socket = this;
        }
      };
      window.setTimeout = (act, ms) => {
        const look = () => window.isAway ? later(look, 20) : act();
        return later(look, ms);
      };
    });
    for (const page of [ann, ben]) {
      await page.goto(base + '/');
      await state(page, 'here');
    }
    await say(ann, 'one <b>');
    for (const page of [ann, ben]) await shows(page, 'one <b>');
  });
  await step('who was away has missed nothing, and what he said meanwhile goes out', async () => {
    await ben.evaluate(() => { window.isAway = true; window.socket.close(); });
    await state(ben, 'away');
    await say(ben, 'three');
    await say(ann, 'two');
    await shows(ann, 'one <b>', 'two');
    await ben.evaluate(() => { window.isAway = false; });
    for (const page of [ann, ben]) await shows(page, 'one <b>', 'two', 'three');
  });
  await step('who said bye stays away', async () => {
    await say(ben, 'bye');
    await state(ben, 'bye');
  });
});
