// Stripe's test mode with the requests that souk makes; see README.md. Never with a live key.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import { answerFault } from '../schema.mjs';

const KEY = process.env.STRIPE_SECRET_KEY ?? '';
const [argument] = process.argv.slice(2);
const VERSION = '2023-08-16';
const ENDPOINT = { host: process.env.STRIPE_SMOKE_HOST ?? 'api.stripe.com' };

if (!/^sk_test_\w+$/.test(KEY)) {
  console.error('STRIPE_SECRET_KEY must be a test key (sk_test_…); this is never run with another.');
  process.exit(2);
}
// Another host is for trying this script itself against the emulator.
if (ENDPOINT.host !== 'api.stripe.com') {
  const { hostname, port } = new URL(`http://${ENDPOINT.host}`);
  Object.assign(ENDPOINT, { host: hostname, port, protocol: 'http' });
}

const notes = new Set();
let isReplayed = false; // the last answer
const recorded = async (url, init) => {
  const response = await fetch(url, init);
  isReplayed = response.headers.get('idempotent-replayed') === 'true';
  const body = await response.clone().json().catch(() => null);
  const { pathname } = new URL(url);
  const exchange = { method: init.method.toUpperCase(), path: pathname, status: response.status, body };
  const fault = body && answerFault(exchange);
  if (fault) notes.add(`${exchange.method} ${pathname.replaceAll(/_\w{8,}/g, '_…')}: ${fault}`);
  return response;
};
const stripe = new Stripe(KEY, {
  ...ENDPOINT,
  apiVersion: VERSION,
  telemetry: false,
  maxNetworkRetries: 2,
  httpClient: Stripe.createFetchHttpClient(recorded),
});

const counts = { passed: 0, failed: 0, skipped: 0 };
const step = async (name, run, isPossible = true) => {
  if (!isPossible) {
    counts.skipped += 1;
    return console.log(`skip ${name}`);
  }
  try {
    const value = await run();
    counts.passed += 1;
    console.log(`ok   ${name}`);
    return value;
  } catch (problem) {
    counts.failed += 1;
    console.log(`FAIL ${name}: ${problem.message} ${problem.requestId ?? ''}`);
  }
};

const refused = async (promise, fields) => {
  const problem = await promise.then(
    () => assert.fail('it was not refused'),
    (error) => error,
  );
  for (const [field, value] of Object.entries(fields)) assert.equal(problem[field], value, field);
  return problem;
};

const group = `order_${randomUUID()}`;
const order = (more = {}) => ({
  amount: 10000,
  currency: 'usd',
  automatic_payment_methods: { enabled: true },
  transfer_group: group,
  metadata: { order_id: group },
  description: 'souk live smoke',
  ...more,
});
const confirm = (intent, token) =>
  stripe.paymentIntents.confirm(intent.id, {
    payment_method: token,
    return_url: 'https://example.com/return',
  });
const eventually = async (check) => {
  for (let tried = 0; tried < 30; tried += 1) {
    const found = await check();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  return assert.fail('it did not happen within a minute');
};

const newAccount = async () => {
  const account = await stripe.accounts.create({
    type: 'express',
    country: 'US',
    email: 'vendor@example.com',
    capabilities: { transfers: { requested: true }, card_payments: { requested: true } },
    metadata: { vendor_id: 'smoke' },
  });
  const link = await stripe.accountLinks.create({
    account: account.id,
    type: 'account_onboarding',
    refresh_url: 'https://example.com/again',
    return_url: 'https://example.com/done',
  });
  console.log(`${account.id}: finish its onboarding at ${link.url}, then run this with its id`);
};

const payments = async () => {
  const idempotencyKey = `smoke:${group}`;
  const made = await step('create', () => stripe.paymentIntents.create(order(), { idempotencyKey }));
  if (!made) return undefined;
  await step('the same key gives the same intent', async () => {
    const again = await stripe.paymentIntents.create(order(), { idempotencyKey });
    assert.equal(again.id, made.id);
    assert.ok(isReplayed, 'it is not marked as replayed');
  });
  await step('the same key with another amount is refused', () =>
    refused(stripe.paymentIntents.create(order({ amount: 1 }), { idempotencyKey }), {
      type: 'StripeIdempotencyError',
    }),
  );
  await step('a card is declined', async () => {
    await refused(confirm(made, 'pm_card_visa_chargeDeclined'), {
      statusCode: 402,
      code: 'card_declined',
    });
    const read = await stripe.paymentIntents.retrieve(made.id);
    assert.equal(read.status, 'requires_payment_method');
  });
  const paid = await step('another is accepted, and Stripe takes a fee', async () => {
    assert.equal((await confirm(made, 'pm_card_bypassPending')).status, 'succeeded');
    return eventually(async () => {
      const read = await stripe.paymentIntents.retrieve(made.id, {
        expand: ['latest_charge.balance_transaction'],
      });
      return read.latest_charge.balance_transaction?.fee > 0 && read;
    });
  });
  await step('what has succeeded is not canceled', () =>
    refused(stripe.paymentIntents.cancel(made.id), { code: 'payment_intent_unexpected_state' }),
  );
  return paid;
};

const transfers = async (paid, destination) => {
  const isPossible = Boolean(paid && destination);
  const body = (amount) => ({
    amount,
    currency: 'usd',
    destination,
    source_transaction: paid.latest_charge.id,
    transfer_group: group,
    metadata: { transfer_id: 'smoke', vendor_order_id: 'smoke', payout_id: 'smoke' },
  });
  const made = await step('transfer', () => stripe.transfers.create(body(5400)), isPossible);
  await step('it is found by its group', async () => {
    const { data } = await stripe.transfers.list({ transfer_group: group });
    assert.deepEqual(data.map(({ id }) => id), [made.id]);
    assert.equal(data[0].metadata.transfer_id, 'smoke');
  }, Boolean(made));
  await step('a transfer beyond the charge is refused', () =>
    refused(stripe.transfers.create(body(9000)), { statusCode: 400 }), isPossible);
  await step('a part comes back', async () => {
    await stripe.transfers.createReversal(made.id, { amount: 400, metadata: { reversal_id: '1' } });
    assert.equal((await stripe.transfers.retrieve(made.id)).amount_reversed, 400);
  }, Boolean(made));
  await step('more than it was does not', () =>
    refused(stripe.transfers.createReversal(made.id, { amount: 5001 }), { statusCode: 400 }),
    Boolean(made));
  await step('the account’s balance is readable', async () => {
    const balance = await stripe.balance.retrieve({}, { stripeAccount: destination });
    assert.ok(balance.available.length > 0);
  }, Boolean(destination));
};

const refunds = async (paid) => {
  const body = (amount) => ({
    payment_intent: paid.id,
    amount,
    reason: 'requested_by_customer',
    metadata: { refund_id: 'smoke' },
  });
  await step('a refund of a part', async () => {
    const refund = await stripe.refunds.create(body(2500));
    assert.ok(['succeeded', 'pending'].includes(refund.status), refund.status);
  }, Boolean(paid));
  await step('a refund of too much is refused', () =>
    refused(stripe.refunds.create(body(7501)), { statusCode: 400 }), Boolean(paid));
};

const disputes = async () => {
  const dispute = await step('a dispute', async () => {
    const made = await stripe.paymentIntents.create(order());
    await confirm(made, 'pm_card_createDispute');
    return eventually(async () => {
      const { data } = await stripe.disputes.list({ payment_intent: made.id });
      return data[0]?.balance_transactions.length > 0 && data[0];
    });
  });
  const isPossible = Boolean(dispute);
  await step('its charge is not refunded', () =>
    refused(stripe.refunds.create({ charge: dispute.charge }), { code: 'charge_disputed' }), isPossible);
  await step('it is won by evidence', async () => {
    await stripe.disputes.update(dispute.id, {
      evidence: { uncategorized_text: 'winning_evidence' },
    });
    await eventually(async () => (await stripe.disputes.retrieve(dispute.id)).status === 'won');
  }, isPossible);
};

const events = () =>
  step('all of it is listed as events', async () => {
    const wanted = ['payment_intent.succeeded', 'charge.refunded', 'charge.dispute.closed'];
    const { data } = await stripe.events.list({ types: wanted, limit: 100 });
    const seen = new Set(data.map(({ type }) => type));
    for (const type of wanted) assert.ok(seen.has(type), type);
  });

if (argument === '--new-account') {
  await newAccount();
} else {
  const paid = await payments();
  await transfers(paid, argument);
  await refunds(paid);
  await disputes();
  await events();
  for (const note of notes) console.log(`note ${note}`);
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exitCode = counts.failed === 0 ? 0 : 1;
}
