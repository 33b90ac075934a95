// Onboarding in a real browser: from the link a vendor was given, over the emulator's page, back to the marketplace.
// Arguments: the links, one a test; what each must show stands in `tests`.
import assert from 'node:assert/strict';
import { browser, picture, poorContrast, shows, SIZES, visit } from './browser.mjs';

const press = (page, name) => page.getByRole('button', { name }).click();

const fits = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);

const tests = {
  'a vendor completes it and is led back': async (url) => {
    const { page, done } = await visit(url);
    await shows(page, 'Get paid by the marketplace');
    assert.equal(await page.locator('h1').count(), 1);
    for (const scheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: scheme });
      assert.deepEqual(await page.evaluate(poorContrast), [], scheme);
    }
    await picture(page, 'onboarding-desktop');
    await press(page, 'Complete onboarding');
    await shows(page, 'Back from Stripe');
    await picture(page, 'onboarding-back');
    await page.goto(url);
    await shows(page, 'This link is used up');
    await done();
  },
  'one lacks a document, on a telephone': async (url) => {
    const { page, done } = await visit(url, { size: 'telephone', scheme: 'dark' });
    assert.ok(await fits(page), `wider than ${SIZES.telephone.width} px`);
    await picture(page, 'onboarding-telephone');
    await press(page, 'Submit, but a document is missing');
    await shows(page, 'Back from Stripe');
    assert.ok(await fits(page));
    await done();
  },
  'one leaves before the end, without scripts': async (url) => {
    const { page, done } = await visit(url, { js: false });
    await press(page, 'Leave without finishing');
    await shows(page, 'Back from Stripe');
    await done();
  },
  'a vendor looks at its dashboard, once': async (url) => {
    const { page, done } = await visit(url);
    await shows(page, 'Express dashboard');
    await picture(page, 'express-dashboard');
    await page.goto(url);
    await shows(page, 'No such link.');
    await done();
  },
};

let failed = 0;
const urls = process.argv.slice(2);
for (const [index, [name, run]] of Object.entries(tests).entries()) {
  try {
    await run(urls[index]);
    console.log(`ok   ${name}`);
  } catch (problem) {
    failed += 1;
    console.log(`FAIL ${name}\n${problem.stack ?? problem}`);
  }
}
await browser.close();
console.log(`${Object.keys(tests).length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
