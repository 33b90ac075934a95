// The official SDK drives a running emulator; Stripe's OpenAPI document and the SDK's types judge all that was said.
import { tests as connect } from './connect.mjs';
import { tests as judgement } from './judge.mjs';
import { runTests } from './runner.mjs';
import { tests as payments } from './sdk.mjs';

await runTests([...payments, ...connect, ...judgement]);
