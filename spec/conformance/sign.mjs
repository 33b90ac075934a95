// Signs an event as the official SDK does: node sign.mjs SECRET FILE prints the Stripe-Signature of the file's bytes.
import { readFileSync } from 'node:fs';
import Stripe from 'stripe';

const [secret, path] = process.argv.slice(2);
const payload = readFileSync(path, 'utf8');
console.log(new Stripe('sk_test_signer').webhooks.generateTestHeaderString({ payload, secret }));
