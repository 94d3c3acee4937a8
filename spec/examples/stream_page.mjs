// An answer that grows in two tabs, and a page that is loaded again because its file was saved.
import fs from 'node:fs';
import path from 'node:path';
import { play } from './browser.mjs';

const END = /finished also when the program is killed in the middle\.$/;

await play(async ({ base, tab, step, shoot, script }) => {
  const ann = await tab('Ann'), ben = await tab('Ben');
  const answered = page => page.waitForFunction(
    end => new RegExp(end).test(document.getElementById('answer').textContent), END.source);
  let save;
  const saved = new Promise(resolve => { save = resolve; });
  const text = page => page.locator('#answer').textContent();

  await step('an answer grows for who asked, and for who comes later', async () => {
    await ann.goto(base);
    await ann.getByPlaceholder('Ask anything').fill('Why is the sky blue?');
    await ann.keyboard.press('Enter');
    await ann.locator('#answer', { hasText: 'You asked' }).waitFor();
    await ben.route('**/.open-do/changes', async route => { await saved; await route.continue(); });
    await ben.goto(ann.url());
  });
  // One of them has not looked for a change yet when there is one.
  await step('both are loaded again when the file of the page is saved, and miss nothing', async () => {
    const file = path.join(path.dirname(script), 'public/index.html');
    fs.writeFileSync(file + '~', fs.readFileSync(file, 'utf8').replace('<title>Stream', '<title>Saved'));
    fs.renameSync(file + '~', file);
    save();
    for (const page of [ann, ben]) {
      await page.waitForFunction(() => document.title === 'Saved');
      await answered(page);
    }
    const said = await text(ann);
    if (!said.startsWith('You asked: Why is the sky blue? That is')) throw new Error(said);
    if (said !== await text(ben)) throw new Error('they differ: ' + await text(ben));
  });
  await step('and once more, when only a file beside it appears', async () => {
    await ann.evaluate(() => { window.isOld = true; });
    fs.writeFileSync(path.join(path.dirname(script), 'public/style.css'), 'p { color: red }');
    await ann.waitForFunction(() => !window.isOld);
    await answered(ann);
  });
  await shoot(ann, 'stream');
});
