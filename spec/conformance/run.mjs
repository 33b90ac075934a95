// The official SDK drives a running emulator; Stripe's OpenAPI document and the SDK's types judge all that was said.
import { client } from './client.mjs';
import { tests as connect } from './connect.mjs';
import { tests as judgement } from './judge.mjs';
import { runTests } from './runner.mjs';
import { tests as payments } from './sdk.mjs';

// After each test all its events are read, the platform's and every account's, so that they are judged too.
const readingEvents = ([name, run]) => [
  name,
  async (emulator) => {
    await run(emulator);
    const stripe = client(emulator);
    await stripe.events.list({ limit: 100 });
    for (const { id } of (await stripe.accounts.list()).data) {
      await stripe.events.list({ limit: 100 }, { stripeAccount: id });
    }
  },
];

await runTests([...[...payments, ...connect].map(readingEvents), ...judgement]);
