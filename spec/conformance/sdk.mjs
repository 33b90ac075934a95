// What the official SDK makes of the emulator: payments, refunds, keys, lists, webhooks. Each test begins with an
// emulator that was reset.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import Stripe from 'stripe';
import { ORDER, client, exchanges, paid, rejects } from './client.mjs';
import { KEY, SECRET, eventually } from './emulator.mjs';
import { objectFault } from './schema.mjs';

export const tests = [];
const test = (name, run) => tests.push([name, run]);

test('an intent is created, confirmed and read back with its charge and fee', async (emulator) => {
  const stripe = client(emulator);
  const made = await stripe.paymentIntents.create(ORDER);
  assert.equal(made.status, 'requires_payment_method');
  assert.equal(made.description, ORDER.description);
  assert.deepEqual(made.metadata, { order_id: '7' });
  await stripe.paymentIntents.confirm(made.id, {
    payment_method: 'pm_card_visa',
    return_url: 'https://shop.example/r?o=7&x=y',
  });
  const read = await stripe.paymentIntents.retrieve(made.id, {
    expand: ['latest_charge.balance_transaction'],
  });
  assert.equal(read.status, 'succeeded');
  assert.equal(read.latest_charge.balance_transaction.fee, 320);
  assert.match(read.lastResponse.requestId, /^req_/);
});

const DECLINES = {
  pm_card_chargeDeclined: ['card_declined', 'generic_decline'],
  pm_card_chargeDeclinedInsufficientFunds: ['card_declined', 'insufficient_funds'],
  pm_card_chargeDeclinedLostCard: ['card_declined', 'lost_card'],
  pm_card_chargeDeclinedStolenCard: ['card_declined', 'stolen_card'],
  pm_card_chargeDeclinedExpiredCard: ['expired_card', 'expired_card'],
  pm_card_chargeDeclinedIncorrectCvc: ['incorrect_cvc', 'incorrect_cvc'],
  pm_card_chargeDeclinedProcessingError: ['processing_error', 'processing_error'],
};
for (const [token, [code, declineCode]] of Object.entries(DECLINES)) {
  test(`${token} is a card error, and another card then succeeds`, async (emulator) => {
    const stripe = client(emulator);
    const made = await stripe.paymentIntents.create(ORDER);
    await rejects(
      stripe.paymentIntents.confirm(made.id, { payment_method: token }),
      'StripeCardError',
      { code, decline_code: declineCode, statusCode: 402 },
    );
    const done = await stripe.paymentIntents.confirm(made.id, { payment_method: 'pm_card_visa' });
    assert.equal(done.status, 'succeeded');
  });
}

for (const [ok, status] of [
  ['1', 'succeeded'],
  ['0', 'requires_payment_method'],
]) {
  test(`3D Secure with ok=${ok} ends in ${status}`, async (emulator) => {
    const stripe = client(emulator);
    const made = await stripe.paymentIntents.create(ORDER);
    const asked = await stripe.paymentIntents.confirm(made.id, {
      payment_method: 'pm_card_authenticationRequired',
      return_url: 'http://localhost:3000/done',
    });
    assert.equal(asked.status, 'requires_action');
    assert.equal(asked.next_action.redirect_to_url.return_url, 'http://localhost:3000/done');
    await emulator.control(`complete_action/${made.id}?ok=${ok}`);
    assert.equal((await stripe.paymentIntents.retrieve(made.id)).status, status);
  });
}

test('a bank debit is processing, then settles on the clock', async (emulator) => {
  const stripe = client(emulator);
  const made = await stripe.paymentIntents.create(ORDER);
  const confirm = { payment_method: 'pm_usBankAccount_success' };
  assert.equal((await stripe.paymentIntents.confirm(made.id, confirm)).status, 'processing');
  await emulator.control('clock', { advance: 4 * 86400 });
  const done = await stripe.paymentIntents.retrieve(made.id, { expand: ['latest_charge'] });
  assert.equal(done.status, 'succeeded');
  assert.equal(done.latest_charge.payment_method_details.type, 'us_bank_account');
});

test('an authorization is captured in part', async (emulator) => {
  const stripe = client(emulator);
  const held = await paid(stripe, { capture_method: 'manual' });
  assert.equal(held.status, 'requires_capture');
  const done = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 5000 });
  assert.equal(done.amount_received, 5000);
});

test('a canceled intent stays canceled, a paid one cannot be canceled', async (emulator) => {
  const stripe = client(emulator);
  const made = await stripe.paymentIntents.create(ORDER);
  const canceled = await stripe.paymentIntents.cancel(made.id, {
    cancellation_reason: 'abandoned',
  });
  assert.equal(canceled.status, 'canceled');
  const unexpected = { code: 'payment_intent_unexpected_state', statusCode: 400 };
  const type = 'StripeInvalidRequestError';
  const confirm = { payment_method: 'pm_card_visa' };
  await rejects(stripe.paymentIntents.confirm(made.id, confirm), type, unexpected);
  await rejects(stripe.paymentIntents.cancel((await paid(stripe)).id), type, unexpected);
});

test('metadata is merged and unset', async (emulator) => {
  const stripe = client(emulator);
  const made = await stripe.paymentIntents.create(ORDER);
  const more = await stripe.paymentIntents.update(made.id, { metadata: { b: '2' } });
  assert.deepEqual(more.metadata, { order_id: '7', b: '2' });
  assert.deepEqual((await stripe.paymentIntents.update(made.id, { metadata: '' })).metadata, {});
});

test('a charge is refunded in parts and never beyond', async (emulator) => {
  const stripe = client(emulator);
  const intent = await paid(stripe);
  const refund = (amount) =>
    stripe.refunds.create({
      payment_intent: intent.id,
      amount,
      reason: 'requested_by_customer',
      metadata: { refund_id: '3' },
    });
  const first = await refund(6000);
  assert.equal(first.status, 'succeeded');
  await rejects(refund(4001), 'StripeInvalidRequestError', { param: 'amount' });
  await refund(4000);
  await rejects(refund(1), 'StripeInvalidRequestError', { code: 'charge_already_refunded' });
  const all = await stripe.refunds.list({ payment_intent: intent.id });
  assert.equal(all.data.length, 2);
  const expand = ['charge.balance_transaction'];
  const read = await stripe.refunds.retrieve(first.id, { expand });
  assert.equal(read.charge.refunded, true);
  assert.equal((await stripe.refunds.update(first.id, { metadata: { a: '1' } })).metadata.a, '1');
});

test('what fails or ends later is told', async (emulator) => {
  const stripe = client(emulator);
  const made = await stripe.paymentIntents.create(ORDER);
  await stripe.paymentIntents.confirm(made.id, { payment_method: 'pm_card_refundFail' });
  const refund = await stripe.refunds.create({ payment_intent: made.id });
  const held = await paid(stripe, { capture_method: 'manual' });
  await emulator.control('clock', { advance: 8 * 86400 });
  assert.equal((await stripe.refunds.retrieve(refund.id)).status, 'failed');
  assert.equal((await stripe.paymentIntents.retrieve(held.id)).status, 'canceled');
  const types = ['refund.failed', 'charge.expired'];
  assert.equal((await stripe.events.list({ types })).data.length, 2);
});

test('a key replays its answer and refuses other parameters', async (emulator) => {
  const stripe = client(emulator);
  const options = { idempotencyKey: 'pi:7:1' };
  const first = await stripe.paymentIntents.create(ORDER, options);
  const second = await stripe.paymentIntents.create(ORDER, options);
  assert.equal(second.id, first.id);
  assert.deepEqual(
    exchanges.slice(-2).map(({ isReplayed }) => isReplayed),
    [false, true],
  );
  await rejects(
    stripe.paymentIntents.create({ ...ORDER, amount: 1 }, options),
    'StripeIdempotencyError',
    { statusCode: 400 },
  );
});

test('the SDK retries a 409 and a held lock and gets one intent', async (emulator) => {
  const stripe = client(emulator, { maxNetworkRetries: 2 });
  for (const kind of ['conflict', 'lock_timeout', 'error_before', 'drop_after']) {
    await emulator.control('reset');
    await emulator.control('faults', { kind, method: 'POST' });
    await stripe.paymentIntents.create(ORDER);
    assert.equal((await stripe.paymentIntents.list()).data.length, 1, kind);
  }
});

test("a plain rate limit is the SDK's rate limit error", async (emulator) => {
  await emulator.control('faults', { kind: 'rate_limit' });
  await rejects(client(emulator).paymentIntents.list(), 'StripeRateLimitError', {
    statusCode: 429,
  });
});

test('a wrong key is an authentication error', async (emulator) => {
  const stranger = new Stripe('sk_test_stranger', {
    host: '127.0.0.1',
    port: emulator.port,
    protocol: 'http',
    maxNetworkRetries: 0,
  });
  await rejects(stranger.paymentIntents.list(), 'StripeAuthenticationError', { statusCode: 401 });
});

test('unknown parameters and ids are refused as Stripe does', async (emulator) => {
  const stripe = client(emulator);
  const type = 'StripeInvalidRequestError';
  await rejects(stripe.paymentIntents.retrieve('pi_x'), type, {
    code: 'resource_missing',
    statusCode: 404,
  });
  await rejects(stripe.paymentIntents.create({ ...ORDER, amount: 49 }), type, {
    code: 'amount_too_small',
  });
  const nested = { ...ORDER, automatic_payment_methods: { enabled: true, foo: 'x' } };
  await rejects(stripe.paymentIntents.create(nested), type, {
    code: 'parameter_unknown',
    param: 'automatic_payment_methods[foo]',
  });
});

test('lists page through everything', async (emulator) => {
  const stripe = client(emulator);
  for (let i = 0; i < 7; i += 1) await paid(stripe);
  const seen = new Set();
  for await (const intent of stripe.paymentIntents.list({ limit: 3 })) seen.add(intent.id);
  assert.equal(seen.size, 7);
  const moves = await stripe.balanceTransactions.list({ type: 'charge', limit: 100 });
  assert.equal(moves.data.length, 7);
  const charges = await stripe.charges.list({ transfer_group: 'order_7', limit: 2 });
  assert.equal(charges.has_more, true);
});

test('events are found by type and time', async (emulator) => {
  const stripe = client(emulator);
  await paid(stripe);
  const types = ['payment_intent.succeeded', 'charge.succeeded'];
  const found = await stripe.events.list({ types, created: { gte: 1 }, limit: 100 });
  assert.deepEqual(
    found.data.map((event) => event.type),
    types,
  );
  const read = await stripe.events.retrieve(found.data[0].id);
  assert.equal(read.data.object.status, 'succeeded');
});

test('the SDK accepts our signatures, byte for byte', async (emulator) => {
  const stripe = client(emulator);
  await paid(stripe);
  const { received } = emulator.hooks;
  await eventually(() => received.length >= 3, 'three events arrive');
  for (const { headers, body } of received) {
    const header = headers['stripe-signature'];
    const event = stripe.webhooks.constructEvent(body, header, SECRET);
    assert.equal(event.object, 'event');
    assert.equal(objectFault(event.data.object), null);
    assert.throws(() => stripe.webhooks.constructEvent(`${body} `, header, SECRET));
    assert.throws(() => stripe.webhooks.constructEvent(body, header, 'whsec_other'));
  }
});

test('a refused event comes again with the same bytes', async (emulator) => {
  emulator.hooks.statuses.push(500, 404);
  await client(emulator).paymentIntents.create(ORDER);
  const { received } = emulator.hooks;
  await eventually(() => received.length >= 3, 'a third attempt');
  assert.equal(new Set(received.map(({ body }) => body)).size, 1);
});

test('an endpoint made by the API has a secret that verifies its events', async (emulator) => {
  const stripe = client(emulator);
  const made = await stripe.webhookEndpoints.create({
    url: `http://127.0.0.1:${emulator.hooks.port}/second`,
    enabled_events: ['payment_intent.created'],
  });
  await stripe.paymentIntents.create(ORDER);
  const isOurs = ({ body, headers }) => {
    try {
      stripe.webhooks.constructEvent(body, headers['stripe-signature'], made.secret);
      return true;
    } catch {
      return false;
    }
  };
  await eventually(() => emulator.hooks.received.some(isOurs), 'an event signed with its secret');
  assert.equal(
    (await stripe.webhookEndpoints.list()).data.some(({ secret }) => secret),
    false,
  );
  assert.equal((await stripe.webhookEndpoints.del(made.id)).deleted, true);
});

// Requests that the official SDK made of another server, kept as bytes.
const GOLDEN = JSON.parse(readFileSync(new URL('../fixtures/wire-vectors.json', import.meta.url)));
test('golden requests of the SDK are understood', async (emulator) => {
  const intent = await client(emulator).paymentIntents.create(ORDER);
  for (const { name, method, url, body, ct } of GOLDEN) {
    if (!/^(pi|refund|events|wh|bt)\./.test(name) || name === 'bt.list') continue;
    const answer = await fetch(emulator.url + url.replace('pi_1', intent.id), {
      method,
      headers: { Authorization: `Bearer ${KEY}`, 'Content-Type': ct },
      body: method === 'POST' ? body : undefined,
    });
    const { error } = await answer.json();
    assert.ok(
      !['parameter_unknown', 'parameter_missing'].includes(error?.code),
      `${name}: ${error?.message}`,
    );
  }
});
