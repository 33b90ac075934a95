// The official SDK against an emulator, with every exchange kept: what all tests made and judge.mjs judges.
import assert from 'node:assert/strict';
import Stripe from 'stripe';
import { KEY } from './emulator.mjs';

// Every exchange of the whole run: {method, path, form, account, status, body, isReplayed}.
export const exchanges = [];

const record = async (url, init, response) => {
  const { pathname, search } = new URL(url);
  const method = init.method.toUpperCase();
  const form = method === 'POST' ? String(init.body ?? '') : search.slice(1);
  const text = await response.clone().text();
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    return;
  }
  const isReplayed = response.headers.get('idempotent-replayed') === 'true';
  exchanges.push({ method, path: pathname, form, status: response.status, body, isReplayed });
};

const recorded = async (url, init) => {
  const response = await fetch(url, init);
  await record(url, init, response);
  return response;
};

export const client = (emulator, options = {}) =>
  new Stripe(KEY, {
    host: '127.0.0.1',
    port: emulator.port,
    protocol: 'http',
    telemetry: false,
    maxNetworkRetries: 0,
    timeout: 5000,
    apiVersion: '2023-08-16',
    httpClient: Stripe.createFetchHttpClient(recorded),
    ...options,
  });

// A request as it is, for what the SDK would not say.
export const raw = (emulator, method, path, form = '') =>
  recorded(emulator.url + path + (method === 'POST' || !form ? '' : `?${form}`), {
    method,
    headers: {
      Authorization: `Bearer ${KEY}`,
      'Content-Type': 'application/x-www-form-urlencoded',
    },
    body: method === 'POST' ? form : undefined,
  });

export const ORDER = {
  amount: 10000,
  currency: 'usd',
  automatic_payment_methods: { enabled: true },
  transfer_group: 'order_7',
  description: 'A&B=1 + 50% "q" é ₹',
  metadata: { order_id: '7', empty: '' },
};

export const paid = async (stripe, more = {}, token = 'pm_card_visa') => {
  const made = await stripe.paymentIntents.create({ ...ORDER, ...more });
  return stripe.paymentIntents.confirm(made.id, { payment_method: token });
};

export const rejects = (promise, type, fields) =>
  assert.rejects(promise, (problem) => {
    assert.equal(problem.type, type);
    for (const [name, value] of Object.entries(fields)) assert.equal(problem[name], value, name);
    return true;
  });
