// The official SDK drives a running emulator; Stripe's OpenAPI document judges every answer it got.
import { runTests } from './runner.mjs';
import { tests } from './sdk.mjs';

await runTests(tests);
