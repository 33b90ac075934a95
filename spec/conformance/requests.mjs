// Judges what souk itself has sent: the emulator's journal, a file of entries {method, path, query, body, …}. Every
// request must be one that Stripe's OpenAPI document knows, with nothing in it that it does not know.
// The last line is JSON: {count, operations, faults}.
import { readFileSync } from 'node:fs';
import { operationOf, requestFault } from './schema.mjs';

const entries = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const operations = new Set();
const faults = new Set();
for (const { method, path, query, body } of entries) {
  const form = method === 'POST' ? body : query;
  operations.add(operationOf(method, path)?.key ?? `unknown: ${method} ${path}`);
  const fault = requestFault({ method, path, form });
  if (fault) faults.add(`${method} ${path} ${form}: ${fault}`);
}
console.log(
  JSON.stringify({ count: entries.length, operations: [...operations], faults: [...faults] }),
);
