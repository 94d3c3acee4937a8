// The inspector in a real browser: who is slow, why it failed, and a stored value changed; see
// spec/examples/browser.mjs. BASE_URL ends with "|" and two tokens.
import { play } from '../examples/browser.mjs';

function check(condition, what) {
  if (!condition) throw new Error(what);
}

await play(async ({ base: given, tab, step, shoot }) => {
  const [base, token, readToken] = given.split('|');
  const desk = await tab('desk', { viewport: { width: 1360, height: 860 }, colorScheme: 'light' });
  let clicks = 0;
  const click = async locator => { clicks++; await locator.click(); };

  await step('The address with the token leads to the overview, and the token is gone from it', async () => {
    await desk.goto(`${base}/?token=${token}`);
    await desk.getByText('Events per second').first().waitFor();
    check(!desk.url().includes('token'), 'the address is ' + desk.url());
  });
  await step('The slowest object is one click away, with its last error', async () => {
    const slowest = desk.locator('section', { hasText: 'Slowest objects' }).locator('li a').first();
    await slowest.filter({ hasText: 'rooms/kitchen' }).waitFor();
    await shoot(desk, 'overview');
    await click(slowest);
    await desk.locator('.error', { hasText: 'script.lua:11' }).filter({ hasText: 'the kettle is empty' }).waitFor();
    check(clicks === 1, `${clicks} clicks`);
  });
  await step('and a stored value is changed with two more', async () => {
    await click(desk.getByRole('button', { name: /^topic/ }));
    await desk.getByLabel('Value of topic').fill('{"tea": ["green", "black"]}');
    await click(desk.getByRole('button', { name: 'Save' }));
    await desk.getByText('Saved topic').waitFor();
    check(clicks === 3, `${clicks} clicks`);
    await desk.locator('code.value', { hasText: '"tea": [ "green", "black" ]' }).first().waitFor();
    await shoot(desk, 'storage');
  });
  await step('A value that is no JSON is not saved', async () => {
    await desk.getByLabel('Value of topic').fill('{"tea": ');
    await desk.getByRole('alert').filter({ hasText: /JSON/ }).waitFor();
    await desk.getByRole('button', { name: 'Save' }).click();
    await desk.getByLabel('Value of topic').fill('{"tea": ["green", "black"]}');
  });
  await step('Markup in what is stored is text', async () => {
    await desk.locator('code.value', { hasText: '<img src=x' }).waitFor();
    check(await desk.locator('main img').count() === 0, 'the page built an element from a value');
  });
  await step('Its events are a waterfall, and its sockets have tags and attachments', async () => {
    await desk.getByRole('link', { name: 'Events', exact: true }).click();
    await desk.getByText('It is watched from now on').waitFor();
    await desk.evaluate(() => fetch('/api/call', { method: 'POST', body: JSON.stringify({ object: 'rooms/kitchen', method: 'brew', arguments: [] }) }));
    const event = desk.getByRole('button', { name: /^brew|^call/ }).first();
    await event.click();
    for (const phase of ['queue', 'run', 'wait', 'commit', 'send']) await desk.locator('.steps dt', { hasText: phase }).waitFor();
    await shoot(desk, 'events');
    await desk.getByRole('link', { name: 'Sockets', exact: true }).click();
    await desk.locator('.tag', { hasText: 'guest' }).first().waitFor();
    await desk.locator('code', { hasText: '"name": "ann"' }).first().waitFor();
  });
  await step('Messages are seen as they pass', async () => {
    await desk.getByRole('link', { name: 'Messages', exact: true }).click();
    await desk.getByText('It is watched from now on').waitFor();
    await desk.evaluate(() => fetch('/api/sockets?object=rooms/kitchen').then(answer => answer.json()).then(([one]) => fetch('/api/sockets.send', {
      method: 'POST', body: JSON.stringify({ object: 'rooms/kitchen', socket: one.socket, message: 'the tea is ready' }) })));
    await desk.locator('.lines li', { hasText: 'the tea is ready' }).waitFor();
  });
  await step('A method is called', async () => {
    await desk.getByRole('link', { name: 'Call', exact: true }).click();
    await desk.getByLabel('Method').fill('add');
    await desk.getByLabel('Arguments').fill('[3, 4]');
    await desk.getByRole('button', { name: 'Call', exact: true }).click();
    await desk.locator('pre', { hasText: '7' }).waitFor();
  });
  await step('Keys alone lead through the list of a thousand', async () => {
    await desk.getByRole('heading', { name: 'kitchen' }).click(); // Out of the field.
    await desk.keyboard.press('2');
    await desk.locator('tbody tr').first().waitFor();
    await desk.keyboard.press('/');
    await desk.keyboard.type('rooms/room-99');
    await desk.getByText(/^1[01] objects$/).waitFor();
    await desk.keyboard.press('Escape');
    await desk.keyboard.press('j');
    await desk.keyboard.press('Enter');
    await desk.getByRole('heading', { name: 'room-99' }).waitFor();
    await desk.keyboard.press('3');
    await desk.locator('.groups b', { hasText: 'script.lua:11' }).waitFor();
    await desk.keyboard.press('?');
    await desk.getByRole('dialog').waitFor();
  });

  await step('An address that somebody types leads to its object, and one that is none to the list', async () => {
    await desk.goto(`${base}/#/object/rooms/kitchen/events`);
    await desk.getByRole('heading', { name: 'kitchen' }).waitFor();
    check(await desk.getByRole('link', { name: 'Events', exact: true }).getAttribute('aria-current') === 'page', 'its events are not shown');
    for (const place of ['#/object/%', '#/object/rooms']) {
      await desk.goto('about:blank');
      await desk.goto(`${base}/${place}`);
      await desk.locator('.objects tbody tr').first().waitFor();
    }
  });

  const phone = await tab('phone', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme: 'dark' });
  await step('On a phone, with a token that may only look, all of it fits and nothing can be changed', async () => {
    await phone.goto(`${base}/?token=${readToken}`);
    for (const place of ['#/', '#/objects', '#/object/rooms%2Fkitchen', '#/object/rooms%2Fkitchen/events', '#/log']) {
      await phone.evaluate(hash => { location.hash = hash; }, place);
      await phone.locator('main').getByText(/rooms\//).first().waitFor();
      check(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth), place + ' is wider than the phone');
    }
    await phone.evaluate(() => { location.hash = '#/object/rooms%2Fkitchen'; });
    await phone.getByRole('button', { name: /^topic/ }).click();
    await phone.locator('pre', { hasText: '"green"' }).waitFor();
    check(await phone.locator('textarea').count() === 0, 'there is an editor');
    check(await phone.getByRole('button', { name: 'Delete' }).isDisabled(), 'it can be deleted');
    await shoot(phone, 'phone');
  });
  await step('Without a token there is only the question for it', async () => {
    const stranger = await phone.context().browser().newContext();
    const page = await stranger.newPage();
    check((await page.goto(base + '/')).status() === 401, 'it was not refused');
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Look inside' }).click();
    await page.getByText('Events per second').first().waitFor();
    await stranger.close();
  });
});
