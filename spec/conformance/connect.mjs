// What the official SDK makes of connected accounts, transfers, payouts and disputes.
import assert from 'node:assert/strict';
import { ORDER, client, paid, rejects } from './client.mjs';
import { CONNECT_SECRET, SECRET, eventually } from './emulator.mjs';
import { objectFault } from './schema.mjs';

export const tests = [];
const test = (name, run) => tests.push([name, run]);

const VENDOR = {
  type: 'express',
  country: 'US',
  email: 'vendor@example.com',
  capabilities: { transfers: { requested: true }, card_payments: { requested: true } },
  metadata: { vendor_id: '9' },
};
const INVALID = 'StripeInvalidRequestError';
const DAY_S = 86400;

// One that Stripe has let in.
const vendor = async (emulator, stripe) => {
  const made = await stripe.accounts.create(VENDOR);
  await emulator.control(`onboard/${made.id}`);
  return stripe.accounts.retrieve(made.id);
};

const transferred = async (stripe, account, more = {}) => {
  const intent = await paid(stripe);
  return stripe.transfers.create({
    amount: 5400,
    currency: 'usd',
    destination: account.id,
    source_transaction: intent.latest_charge,
    transfer_group: ORDER.transfer_group,
    metadata: { transfer_id: '1', vendor_order_id: '3', payout_id: '5' },
    ...more,
  });
};

const disputed = async (stripe, token = 'pm_card_createDispute') => {
  const intent = await paid(stripe, {}, token);
  const { data } = await stripe.disputes.list({ payment_intent: intent.id });
  assert.equal(data.length, 1);
  return data[0];
};

test('a vendor is onboarded by a link', async (emulator) => {
  const stripe = client(emulator);
  const made = await stripe.accounts.create(VENDOR);
  assert.equal(made.capabilities.transfers, 'inactive');
  assert.equal(made.payouts_enabled, false);
  const link = await stripe.accountLinks.create({
    account: made.id,
    type: 'account_onboarding',
    refresh_url: 'https://shop.example/again',
    return_url: 'https://shop.example/done',
  });
  assert.match(link.url, /^http/);
  await emulator.control(`onboard/${made.id}`);
  const read = await stripe.accounts.retrieve(made.id);
  assert.equal(read.capabilities.transfers, 'active');
  assert.deepEqual(read.requirements.currently_due, []);
  assert.match((await stripe.accounts.createLoginLink(made.id)).url, /^http/);
  const capability = await stripe.accounts.retrieveCapability(made.id, 'transfers');
  assert.equal(capability.status, 'active');
  await stripe.accounts.updateCapability(made.id, 'transfers', { requested: true });
});

test('an account is changed, listed, deleted and then gone', async (emulator) => {
  const stripe = client(emulator);
  const made = await vendor(emulator, stripe);
  const changed = await stripe.accounts.update(made.id, { metadata: { vendor_id: '10' } });
  assert.equal(changed.metadata.vendor_id, '10');
  assert.equal((await stripe.accounts.list({ limit: 3 })).data.length, 1);
  assert.match((await stripe.accounts.retrieve(null)).id, /^acct_/);
  assert.equal((await stripe.accounts.del(made.id)).deleted, true);
  await assert.rejects(stripe.accounts.retrieve(made.id));
});

test('a transfer needs the capability', async (emulator) => {
  const stripe = client(emulator);
  const made = await stripe.accounts.create(VENDOR);
  const problem = await transferred(stripe, made).catch((error) => error);
  assert.equal(problem.type, INVALID);
  assert.equal(problem.code, 'insufficient_capabilities_for_transfer');
});

test('a transfer goes to the vendor, in part back, and is found by its group', async (emulator) => {
  const stripe = client(emulator);
  const account = await vendor(emulator, stripe);
  const transfer = await transferred(stripe, account);
  const reversal = await stripe.transfers.createReversal(transfer.id, {
    amount: 400,
    metadata: { reversal_id: '1' },
  });
  assert.equal(reversal.transfer, transfer.id);
  const read = await stripe.transfers.retrieve(transfer.id, { expand: ['balance_transaction'] });
  assert.equal(read.amount_reversed, 400);
  assert.equal(read.reversals.data.length, 1);
  assert.equal(read.balance_transaction.amount, -5400);
  const found = await stripe.transfers.list({ transfer_group: ORDER.transfer_group });
  assert.deepEqual(found.data.map(({ id }) => id), [transfer.id]);
  await stripe.transfers.update(transfer.id, { metadata: { more: '1' } });
  assert.equal((await stripe.transfers.listReversals(transfer.id)).data.length, 1);
  const one = await stripe.transfers.retrieveReversal(transfer.id, reversal.id);
  assert.equal(one.amount, 400);
  await stripe.transfers.updateReversal(transfer.id, reversal.id, { metadata: { more: '1' } });
  await rejects(stripe.transfers.createReversal(transfer.id, { amount: 5001 }), INVALID, {
    statusCode: 400,
  });
});

test('a transfer of more than there is is refused', async (emulator) => {
  const stripe = client(emulator);
  const account = await vendor(emulator, stripe);
  await rejects(
    stripe.transfers.create({ amount: 1, currency: 'usd', destination: account.id }),
    INVALID,
    { code: 'balance_insufficient' },
  );
});

test('a vendor’s balance is paid out, and a payout fails', async (emulator) => {
  const stripe = client(emulator);
  const account = await vendor(emulator, stripe);
  const own = { stripeAccount: account.id };
  await emulator.control('payouts', { account: account.id, schedule: 'manual' });
  await transferred(stripe, account);
  assert.equal((await stripe.balance.retrieve({}, own)).pending[0].amount, 5400);
  await emulator.control('clock', { advance: 3 * DAY_S });
  assert.equal((await stripe.balance.retrieve({}, own)).available[0].amount, 5400);
  const payout = await stripe.payouts.create({ amount: 3000, currency: 'usd' }, own);
  await stripe.payouts.update(payout.id, { metadata: { note: '1' } }, own);
  await assert.rejects(stripe.payouts.retrieve(payout.id));
  const other = await stripe.payouts.create({ amount: 400, currency: 'usd' }, own);
  assert.equal((await stripe.payouts.cancel(other.id, {}, own)).status, 'canceled');
  await emulator.control('clock', { advance: 5 * DAY_S });
  assert.equal((await stripe.payouts.retrieve(payout.id, {}, own)).status, 'paid');
  await emulator.control(`payout_fail/${payout.id}`);
  const { data } = await stripe.payouts.list({ status: 'failed' }, own);
  assert.deepEqual(data.map(({ id }) => id), [payout.id]);
  const lines = await stripe.balanceTransactions.list({ payout: payout.id }, own);
  assert.ok(lines.data.length >= 0);
  const [line] = (await stripe.balanceTransactions.list({ limit: 1 }, own)).data;
  assert.equal((await stripe.balanceTransactions.retrieve(line.id, {}, own)).id, line.id);
});

test('the platform’s own balance is what its movements say', async (emulator) => {
  const stripe = client(emulator);
  const account = await vendor(emulator, stripe);
  await transferred(stripe, account);
  await disputed(stripe);
  await paid(stripe, {}, 'pm_card_bypassPending');
  const { data } = await stripe.balanceTransactions.list({ limit: 100 });
  const balance = await stripe.balance.retrieve();
  const sum = balance.available[0].amount + balance.pending[0].amount;
  assert.equal(sum, data.reduce((total, { net }) => total + net, 0));
});

test('a dispute takes the money, evidence is kept and then submitted', async (emulator) => {
  const stripe = client(emulator);
  const dispute = await disputed(stripe);
  assert.equal(dispute.balance_transactions[0].net, -11500);
  const staged = await stripe.disputes.update(dispute.id, {
    evidence: { customer_name: 'Bela Buyer', uncategorized_text: 'Delivered.' },
    metadata: { dispute_id: '1' },
    submit: false,
  });
  assert.equal(staged.status, 'needs_response');
  await rejects(stripe.refunds.create({ charge: dispute.charge }), INVALID, {
    code: 'charge_disputed',
  });
  const sent = await stripe.disputes.update(dispute.id, {
    evidence: { uncategorized_text: 'winning_evidence' },
  });
  assert.equal(sent.status, 'won');
  const read = await stripe.disputes.retrieve(dispute.id, { expand: ['charge'] });
  assert.equal(read.charge.disputed, true);
  assert.equal((await stripe.charges.retrieve(dispute.charge)).disputed, true);
  assert.equal(read.balance_transactions.length, 2);
});

test('an inquiry takes nothing; a dispute that is accepted is lost', async (emulator) => {
  const stripe = client(emulator);
  const inquiry = await disputed(stripe, 'pm_card_createDisputeInquiry');
  assert.equal(inquiry.status, 'warning_needs_response');
  assert.deepEqual(inquiry.balance_transactions, []);
  const dispute = await disputed(stripe);
  assert.equal((await stripe.disputes.close(dispute.id)).status, 'lost');
});

test('a webhook endpoint is changed', async (emulator) => {
  const stripe = client(emulator);
  const made = await stripe.webhookEndpoints.create({
    url: 'https://shop.example/hook',
    enabled_events: ['account.updated'],
    connect: true,
    api_version: '2023-08-16',
  });
  const changed = await stripe.webhookEndpoints.update(made.id, { disabled: true });
  assert.equal(changed.status, 'disabled');
  assert.equal((await stripe.webhookEndpoints.retrieve(made.id)).url, made.url);
});

test('events of accounts and of the platform come apart, each with its secret', async (emulator) => {
  const stripe = client(emulator);
  const account = await vendor(emulator, stripe);
  await emulator.control('payouts', { account: account.id, schedule: 'daily' });
  const transfer = await transferred(stripe, account);
  await stripe.transfers.createReversal(transfer.id, { amount: 100 });
  await disputed(stripe);
  for (let day = 0; day < 7; day += 1) await emulator.control('clock', { advance: DAY_S });
  const { received } = emulator.hooks;
  const has = (kind) => received.some(({ body }) => JSON.parse(body).type === kind);
  for (const kind of ['account.updated', 'transfer.created', 'transfer.reversed', 'payout.paid']) {
    await eventually(() => has(kind), kind);
  }
  for (const { path, headers, body } of received) {
    const isConnect = path === '/hook/connect';
    const header = headers['stripe-signature'];
    const secrets = isConnect ? [CONNECT_SECRET, SECRET] : [SECRET, CONNECT_SECRET];
    const event = stripe.webhooks.constructEvent(body, header, secrets[0]);
    assert.throws(() => stripe.webhooks.constructEvent(body, header, secrets[1]));
    assert.equal(event.account !== undefined, isConnect, event.type);
    assert.equal(objectFault(event.data.object), null, event.type);
  }
  const own = { stripeAccount: account.id };
  const mine = await stripe.events.list({ types: ['payout.paid'], delivery_success: true }, own);
  assert.ok(mine.data.every((event) => event.account === account.id) && mine.data.length > 0);
});

test('a platform that a vendor leaves is told so, and gets in no more', async (emulator) => {
  const stripe = client(emulator);
  const account = await vendor(emulator, stripe);
  await emulator.control(`deauthorize/${account.id}`);
  await rejects(stripe.accounts.retrieve(account.id), 'StripePermissionError', { statusCode: 403 });
  const { received } = emulator.hooks;
  const told = () => received.find(({ body }) => body.includes('account.application.deauthorized'));
  const { body, headers } = await eventually(told, 'account.application.deauthorized');
  const event = stripe.webhooks.constructEvent(body, headers['stripe-signature'], CONNECT_SECRET);
  assert.equal(event.account, account.id);
  assert.equal(event.data.object.object, 'application');
});

test('during a rollover both secrets verify', async (emulator) => {
  const stripe = client(emulator);
  await emulator.control('webhooks', { secrets: [SECRET, 'whsec_next'] });
  await stripe.paymentIntents.create(ORDER);
  const { received } = emulator.hooks;
  await eventually(() => received.length > 0, 'an event');
  const [{ headers, body }] = received;
  for (const secret of [SECRET, 'whsec_next']) {
    stripe.webhooks.constructEvent(body, headers['stripe-signature'], secret);
  }
});
