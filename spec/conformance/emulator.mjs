// A running emulator of its own on a free port, with a receiver for its events.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const KEY = 'sk_test_conformance';
export const SECRET = 'whsec_conformance';
export const CONNECT_SECRET = 'whsec_conformance_connect';
const ROOT = new URL('../../', import.meta.url).pathname;
const START_MS = 15000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const listen = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));

const freePort = async () => {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
};

// Keeps every delivery as it came: raw body and headers. `statuses` are answered in turn, then 200.
const receiver = async () => {
  const received = [];
  const statuses = [];
  const server = createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString('utf8');
      received.push({ path: request.url, headers: request.headers, body });
      response.writeHead(statuses.shift() ?? 200).end();
    });
  });
  const port = await listen(server);
  return { port, received, statuses, close: () => server.close() };
};

const untilUp = async (url, child) => {
  for (let waited = 0; waited < START_MS; waited += 50) {
    if (child.exitCode !== null) break;
    try {
      if ((await fetch(`${url}/_emu/clock`)).ok) return;
    } catch {
      // not listening yet
    }
    await sleep(50);
  }
  throw new Error('the emulator did not start');
};

const ended = (child) =>
  child.exitCode !== null ? child.exitCode : new Promise((resolve) => child.once('exit', resolve));

// binary: the souk executable. stop() gives its exit code, so that a sanitizer's report is seen.
export const startEmulator = async (binary) => {
  const hooks = await receiver();
  const port = await freePort();
  const home = mkdtempSync(join(tmpdir(), 'souk-conformance-'));
  const settings = {
    home,
    'http.port': port,
    'stripe.secret_key': KEY,
    'stripe.webhook_secrets': SECRET,
    'stripe.connect_webhook_secrets': CONNECT_SECRET,
    'emulator.webhook_url': `http://127.0.0.1:${hooks.port}/hook`,
    'emulator.webhook_retry_ms': 50,
    'lua.resume_budget_ms': 2000,
    'lua.stuck_kill_ms': 20000,
  };
  const flags = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  const log = [];
  const child = spawn(binary, ['stripe-emulator', ...flags], { cwd: ROOT });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => log.push(part));
  const url = `http://127.0.0.1:${port}`;
  await untilUp(url, child);
  const control = async (path, body, method = 'POST') => {
    // Type checks stop this process for longer than the server keeps an idle connection.
    const answer = await fetch(`${url}/_emu/${path}`, {
      method,
      headers: { connection: 'close' },
      body: body && JSON.stringify(body),
    });
    return answer.json();
  };
  const stop = async () => {
    child.kill('SIGTERM');
    const code = await ended(child);
    hooks.close();
    rmSync(home, { recursive: true, force: true });
    return code;
  };
  return { url, port, hooks, control, stop, log: () => Buffer.concat(log).toString('utf8') };
};

// Waits for what check() gives; fails after a while.
export const eventually = async (check, what) => {
  for (let waited = 0; waited < 5000; waited += 20) {
    const found = await check();
    if (found) return found;
    await sleep(20);
  }
  throw new Error(`it did not happen: ${what}`);
};
