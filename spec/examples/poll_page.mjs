// A live poll: Ann makes one, Ben has the link, and both see the bars move.
import { play } from './browser.mjs';

await play(async ({ base, tab, step, shoot }) => {
  const ann = await tab('Ann', { viewport: { width: 700, height: 500 }, refusals: [400] });
  const ben = await tab('Ben', { viewport: { width: 420, height: 700 }, refusals: [409] });
  const option = (page, text) => page.locator('button.option', { hasText: text });
  const sees = (page, text) => option(page, text).waitFor();
  const note = (page, text) => page.locator('#note', { hasText: text }).waitFor();

  await step('a poll without answers is refused, with the reason', async () => {
    await ann.goto(base + '/');
    await ann.getByPlaceholder('What do you ask?').fill('Tea?');
    await ann.getByRole('button', { name: 'Make it' }).click();
    await note(ann, '2 to 10 options');
  });
  await step('one is made, and has a link', async () => {
    await ann.getByPlaceholder('One answer a line').fill('yes\n<b>no</b>');
    await ann.getByRole('button', { name: 'Make it' }).click();
    await sees(ann, 'yes \u2014 0');
    await sees(ann, '<b>no</b> \u2014 0');
    await ben.goto(ann.url());
    await sees(ben, 'yes \u2014 0');
  });
  await step('what one votes, both see', async () => {
    await option(ben, 'yes').click();
    await note(ben, 'Thank you');
    await sees(ann, 'yes \u2014 1');
    await option(ann, 'no').click();
    await sees(ben, '<b>no</b> \u2014 1');
    await shoot(ben, 'poll');
  });
  await step('nobody votes twice, not after a reload either', async () => {
    await ben.reload();
    await sees(ben, 'yes \u2014 1');
    const refused = ben.waitForResponse(answer => answer.request().method() === 'POST');
    await option(ben, 'yes').click();
    if ((await refused).status() !== 409) throw new Error('the second vote was taken');
    await note(ben, 'you have voted');
  });
});
