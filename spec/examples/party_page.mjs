// A pinboard for three: notes and cursors of each are seen by all.
import { play } from './browser.mjs';

await play(async ({ base, tab, step, shoot }) => {
  const size = { width: 1080, height: 620 };
  const people = {};
  for (const name of ['Ann', 'Ben', 'Cleo']) {
    people[name] = await tab(name, { viewport: size });
    await people[name].goto(base + '/?room=trip&name=' + name);
    await people[name].locator('#status.open').waitFor();
  }
  const pin = async (name, text, x, y) => {
    await people[name].locator('#board').click({ position: { x, y } });
    await people[name].getByLabel('Your note').fill(text);
    await people[name].keyboard.press('Enter');
    for (const page of Object.values(people)) await page.locator('.note', { hasText: text }).waitFor();
  };

  await step('each sees the faces of all', async () => {
    for (const page of Object.values(people)) await page.locator('#people .face').nth(2).waitFor();
  });
  await step('what one pins, all see', async () => {
    await pin('Ann', 'Leave on Friday at seven, at the old bridge', 210, 130);
    await pin('Ben', 'Who brings the tent?', 500, 110);
    await pin('Cleo', 'I do! It even has a window', 745, 170);
    await pin('Ann', 'Bread, cheese, apples', 330, 330);
    await pin('Cleo', 'Dan: the guitar, please', 610, 350);
  });
  await step('a note that was posted appears as well', async () => {
    const response = await fetch(base + '/parties/main/trip', { method: 'POST', body: 'Rain on Sunday?' });
    if (!response.ok) throw new Error('the note was refused: ' + response.status);
    await people.Ann.locator('.note', { hasText: 'Rain on Sunday?' }).waitFor();
  });
  await step('cursors follow the mouse', async () => {
    await people.Ben.mouse.move(640, 250);
    await people.Cleo.mouse.move(860, 470);
    await people.Ann.locator('.cursor', { hasText: 'Cleo' }).waitFor();
    await people.Ann.locator('.cursor', { hasText: 'Ben' }).waitFor();
  });
  await people.Ann.waitForFunction(() => document.getAnimations().every(one => one.playState === 'finished'));
  await shoot(people.Ann, 'party');
  await step('a cursor goes with its owner', async () => {
    await people.Cleo.close();
    await people.Ann.locator('.cursor', { hasText: 'Cleo' }).waitFor({ state: 'detached' });
  });
});
