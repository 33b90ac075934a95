// The payment page in a real browser: what a buyer sees and does, at desktop and telephone sizes.
import assert from 'node:assert/strict';
import { browser, picture, poorContrast, shows, SIZES, visit as open } from './browser.mjs';
import { KEY } from './emulator.mjs';
import { runTests } from './runner.mjs';

const tests = [];
const test = (name, run) => tests.push([name, run]);

const post = async (emulator, path, form) => {
  const answer = await fetch(emulator.url + path, {
    method: 'POST',
    headers: { Authorization: `Bearer ${KEY}` },
    body: new URLSearchParams(form),
  });
  return answer.json();
};

const statusOf = async (emulator, intent) => {
  const answer = await fetch(`${emulator.url}/v1/payment_intents/${intent.id}`, {
    headers: { Authorization: `Bearer ${KEY}` },
  });
  return (await answer.json()).status;
};

const newIntent = (emulator, more = {}) =>
  post(emulator, '/v1/payment_intents', {
    amount: '123456',
    currency: 'usd',
    description: 'Two lamps from Northlight and a teapot from Clay & Co <3',
    transfer_group: 'order_0192f0c4',
    'metadata[order_id]': '0192f0c4-7b1e-7c52-b1a5-0c6de3f9a001',
    ...more,
  });

const visit = (emulator, intent, { query = '', ...options } = {}) =>
  open(`${emulator.url}/pay/${intent.client_secret}${query}`, options);

const pay = async (page, token) => {
  await page.locator(`input[value=${token}]`).check();
  await page.getByRole('button', { name: /^Pay / }).click();
};

for (const size of Object.keys(SIZES)) {
  test(`a person pays at ${size} size`, async (emulator) => {
    const intent = await newIntent(emulator);
    const { page, done } = await visit(emulator, intent, { size });
    await shows(page, '$1,234.56');
    await shows(page, 'Two lamps from Northlight and a teapot from Clay & Co <3');
    await picture(page, `choose-${size}`);
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - window.innerWidth,
    );
    assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
    await pay(page, 'pm_card_visa');
    await shows(page, 'Payment succeeded.');
    await picture(page, `paid-${size}`);
    assert.equal(await statusOf(emulator, intent), 'succeeded');
    await done();
  });
}

test('a declined card is explained and another one then pays', async (emulator) => {
  const intent = await newIntent(emulator);
  const { page, done } = await visit(emulator, intent, { size: 'telephone', scheme: 'dark' });
  await pay(page, 'pm_card_chargeDeclinedInsufficientFunds');
  const alert = page.getByRole('alert');
  await alert.waitFor();
  assert.match(await alert.innerText(), /insufficient funds/);
  assert.equal(await alert.evaluate((node) => node === document.activeElement), true);
  assert.match(await page.title(), /declined/i);
  await picture(page, 'declined-telephone-dark');
  await pay(page, 'pm_card_mastercard');
  await shows(page, 'Payment succeeded.');
  await done();
});

for (const [button, status, text] of [
  ['Complete authentication', 'succeeded', 'Payment succeeded.'],
  ['Fail authentication', 'requires_payment_method', 'Authentication failed.'],
]) {
  test(`3D Secure: ${button} ends in ${status}`, async (emulator) => {
    const intent = await newIntent(emulator);
    const { page, done } = await visit(emulator, intent);
    await pay(page, 'pm_card_authenticationRequired');
    await shows(page, '3D Secure authentication');
    await picture(page, '3ds-desktop');
    await page.getByRole('button', { name: button }).click();
    await shows(page, text);
    assert.equal(await statusOf(emulator, intent), status);
    await done();
  });
}

test('every test card does what it says', async (emulator) => {
  const intent = await newIntent(emulator);
  const { page, done } = await visit(emulator, intent);
  const tokens = await page
    .locator('input[name=pm]')
    .evaluateAll((nodes) => nodes.map(({ value }) => value));
  assert.equal(tokens.length, 10);
  for (const token of tokens.filter((name) => /Declined/.test(name))) {
    await pay(page, token);
    await page.getByRole('alert').waitFor();
    assert.equal(await statusOf(emulator, intent), 'requires_payment_method');
  }
  await done();
});

test('it is paid with the keyboard alone', async (emulator) => {
  const intent = await newIntent(emulator);
  const { page, done } = await visit(emulator, intent);
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowDown');
  assert.equal(await page.locator('input:checked').getAttribute('value'), 'pm_card_mastercard');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await shows(page, 'Payment succeeded.');
  await done();
});

test('it is paid without scripts', async (emulator) => {
  const intent = await newIntent(emulator);
  const { page, done } = await visit(emulator, intent, { js: false });
  await pay(page, 'pm_card_visa');
  await shows(page, 'Payment succeeded.');
  await done();
});

test('a double click pays once', async (emulator) => {
  const intent = await newIntent(emulator);
  const { page, done } = await visit(emulator, intent);
  await page.getByRole('button', { name: /^Pay / }).dblclick();
  await shows(page, 'Payment succeeded.');
  await done();
  const journal = emulator.hooks.received.filter(({ body }) => body.includes('"charge.succeeded"'));
  assert.ok(journal.length <= 1);
});

test('it leads back to the shop, and to no stranger', async (emulator) => {
  const intent = await newIntent(emulator);
  const back = encodeURIComponent('http://localhost:3000/orders/7?a=1&b=2');
  const { page, done } = await visit(emulator, intent, { query: `?return_url=${back}` });
  await pay(page, 'pm_card_visa');
  const href = await page.getByRole('link', { name: 'Return to the shop' }).getAttribute('href');
  assert.equal(
    href,
    `http://localhost:3000/orders/7?a=1&b=2&payment_intent=${intent.id}&redirect_status=succeeded`,
  );
  await picture(page, 'paid-with-way-back');
  await page.goto(
    `${emulator.url}/pay/${intent.client_secret}?return_url=https%3A%2F%2Fevil.example%2F`,
  );
  assert.equal(await page.getByRole('link').count(), 0);
  await done();
});

test('labels, headings and contrast are there for everybody', async (emulator) => {
  const { page, done } = await visit(emulator, await newIntent(emulator));
  assert.equal(await page.locator('h1').count(), 1);
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  const unlabelled = await page
    .locator('input[type=radio]')
    .evaluateAll((nodes) => nodes.filter((node) => !node.labels.length).length);
  assert.equal(unlabelled, 0);
  await page.getByRole('group', { name: 'Pay with a test card' }).waitFor();
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    const poor = await page.evaluate(poorContrast);
    assert.deepEqual(poor, [], scheme);
  }
  await done();
});

await runTests(tests, () => browser.close());
