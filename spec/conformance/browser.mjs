// Pages in a real browser. SOUK_SCREENSHOTS: a folder to keep pictures in, for looking at.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const EXECUTABLE = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

export const SIZES = {
  desktop: { width: 1280, height: 900 },
  telephone: { width: 320, height: 640 },
};

export const browser = await chromium.launch({
  executablePath: EXECUTABLE,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});

// A page on which any script error, refused resource or policy violation fails the test.
export const visit = async (url, { size = 'desktop', scheme = 'light', js = true } = {}) => {
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
  await page.goto(url);
  return {
    page,
    done: async () => {
      await context.close();
      assert.deepEqual(faults, []);
    },
  };
};

export const picture = async (page, name) => {
  const folder = process.env.SOUK_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
};

export const shows = (page, text) =>
  page.getByText(text, { exact: false }).first().waitFor({ timeout: 5000 });

// Texts whose colour differs from their background by less than 4.5:1. Runs in the browser.
export function poorContrast() {
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
