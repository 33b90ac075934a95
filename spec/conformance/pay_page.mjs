// The payment page in a real browser: what a buyer sees and does, at desktop and telephone sizes.
// SOUK_SCREENSHOTS: a folder to keep pictures in, for looking at.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { KEY } from './emulator.mjs';
import { runTests } from './runner.mjs';

const EXECUTABLE = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
const SIZES = { desktop: { width: 1280, height: 900 }, telephone: { width: 320, height: 640 } };
const tests = [];
const test = (name, run) => tests.push([name, run]);

const browser = await chromium.launch({
  executablePath: EXECUTABLE,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});

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

// A page on which any script error, refused resource or policy violation fails the test.
const visit = async (
  emulator,
  intent,
  { size = 'desktop', query = '', scheme = 'light', js = true } = {},
) => {
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme: scheme,
    javaScriptEnabled: js,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (problem) => faults.push(String(problem)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text()))
      faults.push(message.text());
  });
  page.on('requestfailed', (request) => faults.push(`${request.url()} failed`));
  await page.goto(`${emulator.url}/pay/${intent.client_secret}${query}`);
  return {
    page,
    done: async () => {
      await context.close();
      assert.deepEqual(faults, []);
    },
  };
};

const picture = async (page, name) => {
  const folder = process.env.SOUK_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
};

const pay = async (page, token) => {
  await page.locator(`input[value=${token}]`).check();
  await page.getByRole('button', { name: /^Pay / }).click();
};

const shows = (page, text) =>
  page.getByText(text, { exact: false }).first().waitFor({ timeout: 5000 });

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

// Texts whose colour differs from their background by less than 4.5:1. Runs in the browser.
function poorContrast() {
  const channels = (text) => text.match(/[\d.]+/g).map(Number);
  const linear = (value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const backgroundOf = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const found = channels(getComputedStyle(at).backgroundColor);
      if (found[3] !== 0) return found;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll('body *')].filter((node) =>
    [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()),
  );
  return texts
    .filter((node) => !['SCRIPT', 'STYLE'].includes(node.tagName))
    .map((node) => {
      const [a, b] = [channels(getComputedStyle(node).color), backgroundOf(node)].map(light);
      return [node.className || node.tagName, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    })
    .filter(([, ratio]) => ratio < 4.5)
    .map(([name, ratio]) => `${name} ${ratio.toFixed(2)}`);
}

await runTests(tests, () => browser.close());
