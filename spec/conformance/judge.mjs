// The judgement of a whole run, after all others have made their exchanges: Stripe's OpenAPI document over every
// request and every answer, the SDK's own types over the answers.
import assert from 'node:assert/strict';
import { client, exchanges, raw } from './client.mjs';
import { answerFault, objectFault, operations, operationOf, requestFault } from './schema.mjs';
import { typeFaults } from './types.mjs';

export const tests = [];
const test = (name, run) => tests.push([name, run]);

const NOBODY = 'xx_nobody';

// No refund of the emulator's cards waits for the buyer, and only such can be canceled.
const NEVER_SUCCEEDS = ['POST /v1/refunds/{refund}/cancel'];

// Errors of every operation: an unknown parameter, and an id that nobody has.
test('every operation refuses what it does not know, in Stripe’s shape', async (emulator) => {
  for (const { method, path } of operations()) {
    const place = path.replaceAll(/\{\w+\}/g, NOBODY);
    const unknown = await raw(emulator, method, place, 'surprise=1');
    assert.equal(unknown.status, 400, `${method} ${path}`);
    assert.equal((await unknown.json()).error.code, 'parameter_unknown', `${method} ${path}`);
    if (place === path || method === 'GET') continue;
    const stranger = await raw(emulator, method, place, path.endsWith('/reversals') ? 'amount=1' : '');
    assert.ok([400, 403, 404].includes(stranger.status), `${method} ${path} ${stranger.status}`);
  }
  await assert.rejects(client(emulator).charges.retrieve(NOBODY));
});

test('every operation of the document was made, with success and with an error', () => {
  const seen = { true: new Set(), false: new Set() };
  for (const { method, path, status } of exchanges) {
    seen[status < 400].add(operationOf(method, path)?.key);
  }
  for (const { key } of operations()) {
    const isDone = seen.true.has(key) || NEVER_SUCCEEDS.includes(key);
    assert.ok(isDone, `${key} never succeeded`);
    assert.ok(seen.false.has(key), `${key} never failed`);
  }
});

test('every request of this run is as Stripe documents it', () => {
  const known = exchanges.filter(({ body }) => body?.error?.code !== 'parameter_unknown');
  assert.ok(known.length > 200, `only ${known.length} requests were made`);
  for (const exchange of known) {
    const what = `${exchange.method} ${exchange.path} ${exchange.form}`;
    assert.equal(requestFault(exchange), null, what);
  }
});

test('every answer of this run is as Stripe documents it', () => {
  for (const exchange of exchanges) {
    const what = `${exchange.method} ${exchange.path} ${JSON.stringify(exchange.body)}`;
    assert.equal(answerFault(exchange), null, what);
    for (const event of exchange.body.data?.filter?.(({ object }) => object === 'event') ?? []) {
      assert.equal(objectFault(event.data.object), null, event.type);
    }
  }
});

test('the judge itself finds a tampered answer', () => {
  const good = exchanges.find(({ path, status }) => path.endsWith('/confirm') && status === 200);
  const bad = (change) => answerFault({ ...good, body: { ...good.body, ...change } });
  assert.notEqual(bad({ amount: 1.5 }), null);
  assert.notEqual(bad({ status: 'paid' }), null);
  assert.notEqual(bad({ surprise: 1 }), null);
  assert.notEqual(bad({ currency: undefined }), null);
});

test('the judge itself finds a tampered request', () => {
  const good = exchanges.find(({ path }) => path === '/v1/transfers');
  const bad = (more) => requestFault({ ...good, form: good.form + more });
  assert.equal(bad(''), null);
  for (const more of ['&surprise=1', '&amount=x', '&destination[a]=1']) {
    assert.notEqual(bad(more), null, more);
  }
});

test('the SDK’s types accept every answer of this run', () => {
  const { count, faults } = typeFaults(exchanges.filter(({ status }) => status === 200));
  assert.deepEqual(faults, []);
  assert.ok(count > 120, `only ${count} objects were checked`);
});

test('the SDK’s types refuse a tampered answer', () => {
  const good = exchanges.find(({ path, status }) => path.endsWith('/confirm') && status === 200);
  for (const change of [{ status: 'paid' }, { amount: '1' }, { currency: undefined }, { surprise: 1 }]) {
    const { faults } = typeFaults([{ ...good, body: { ...good.body, ...change } }]);
    assert.notDeepEqual(faults, [], JSON.stringify(change));
  }
});
