// A conversation with a model: Ann asks, Ben has the address, and both read the answer while it is
// given; 20 MB go up and come down again.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { play } from './browser.mjs';

await play(async ({ base, tab, step, shoot, other }) => {
  const ann = await tab('Ann', { viewport: { width: 700, height: 500 }, refusals: [409] });
  const ben = await tab('Ben', { viewport: { width: 420, height: 700 } });
  const line = (page, kind, text) => page.locator('#talk p.' + kind).filter({ hasText: text }).waitFor();
  const say = word => fetch(other, { method: 'PUT', body: word });
  const ask = async (page, text) => {
    await page.getByPlaceholder('Ask anything').fill(text);
    await page.getByRole('button', { name: 'Ask' }).click();
  };

  await step('who has the address sees what was asked, and the answer as it grows', async () => {
    await ann.goto(base + '/');
    await ben.goto(ann.url());
    await ask(ann, 'Why is the sky blue?');
    for (const page of [ann, ben]) await line(page, 'user', 'Why is the sky blue?');
    await say('Because ');
    for (const page of [ann, ben]) await line(page, 'draft', 'Because ');
    await say('of <b>light</b>.');
    for (const page of [ann, ben]) await line(page, 'draft', 'Because of <b>light</b>.');
    await shoot(ben, 'assistant');
  });
  await step('nobody asks into an answer', async () => {
    await ask(ann, 'And now?');
    await ann.locator('#note', { hasText: 'wait for the answer' }).waitFor();
  });
  await step('the answer ends, and is there after a reload', async () => {
    await say('[DONE]');
    for (const page of [ann, ben]) await line(page, 'assistant', 'Because of <b>light</b>.');
    await ben.reload();
    await line(ben, 'assistant', 'Because of <b>light</b>.');
  });
  await step('a file of 20 MB goes up, and comes down to the other as it was', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'open-do-file-'));
    const bytes = Buffer.alloc(20e6, 'a film, seen twice ');
    fs.writeFileSync(path.join(folder, 'a film.mp4'), bytes);
    await ann.locator('#file').setInputFiles(path.join(folder, 'a film.mp4'));
    const coming = ben.waitForEvent('download');
    await ben.getByRole('link', { name: 'a film.mp4 (20000000 bytes)' }).click();
    const got = await (await coming).path();
    const isSame = fs.readFileSync(got).equals(bytes);
    fs.rmSync(folder, { recursive: true });
    if (!isSame) throw new Error('another file came down');
  });
});
