// A room that finds what was said: Ann and Ben say things, and look for words while they type.
import { play } from './browser.mjs';

await play(async ({ base, tab, step, shoot }) => {
  const ann = await tab('Ann', { viewport: { width: 900, height: 640 } });
  const ben = await tab('Ben', { viewport: { width: 420, height: 760 }, colorScheme: 'dark' });
  const field = page => page.getByLabel('Words');
  const items = page => page.locator('#list li');
  const sees = (page, text) => items(page).filter({ hasText: text }).first().waitFor();
  const say = async (page, name, text) => {
    await page.getByLabel('Your name').fill(name);
    await field(page).fill(text);
    await page.getByRole('button', { name: 'Say' }).click();
    await sees(page, text);
  };
  const check = (condition, what) => { if (!condition) throw new Error(what); };

  await step('what one says, both see', async () => {
    await ann.goto(base + '/r/harbour');
    await ben.goto(base + '/r/harbour');
    await say(ann, 'Ann', 'We were talking about boats');
    await sees(ben, 'We were talking about boats');
    await say(ben, 'Ben', 'The red boat leaks a little');
    await sees(ann, 'The red boat leaks a little');
  });
  await step('Alt and Enter say it too, and markup is text', async () => {
    await field(ben).fill('<img src=x onerror="document.title=1"> <b>bold</b>');
    await field(ben).press('Alt+Enter');
    await sees(ann, '<b>bold</b>');
    check(await ann.locator('#list img, #list b').count() === 0, 'the page built elements from a message');
  });
  await step('words are found while they are typed, also in another form, and are marked', async () => {
    await field(ann).fill('talk boa');
    await ann.locator('#state', { hasText: '1 found' }).waitFor();
    const marked = await items(ann).locator('mark').allTextContents();
    check(marked.join() === 'talking,boats', 'marked was ' + marked.join());
  });
  await step('what is no query language finds nothing, and breaks nothing', async () => {
    await field(ann).fill('"boats AND (');
    await ann.locator('#state', { hasText: 'found' }).waitFor();
    await field(ann).fill('leaks');
    await ann.locator('#state', { hasText: '1 found' }).waitFor();
    await shoot(ann, 'archive');
  });
  await step('an empty field shows the latest, and a new message comes by itself', async () => {
    await field(ann).fill('');
    await ann.locator('#state', { hasText: 'the latest' }).waitFor();
    await say(ben, 'Ben', 'Who has a pump?');
    await sees(ann, 'Who has a pump?');
  });
  await step('another room knows nothing of it', async () => {
    await ann.goto(base + '/r/meadow');
    await say(ann, 'Ann', 'Only grass here');
    check(await items(ann).count() === 1, 'there is more');
    await ann.reload();
    await sees(ann, 'Only grass here');
  });
});
