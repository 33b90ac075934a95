// Runs named tests against one emulator and ends the process: a line a test, "N passed, N failed" last.
import { startEmulator } from './emulator.mjs';

const binaryOf = () => {
  const binary = process.env.SOUK_BINARY;
  if (!binary) {
    console.error('SOUK_BINARY must name the souk executable');
    process.exit(2);
  }
  return binary;
};

// tests: [name, run(emulator)]; each begins with an emulator that was reset. atEnd: what to close.
export const runTests = async (tests, atEnd = async () => {}) => {
  const emulator = await startEmulator(binaryOf());
  let passed = 0;
  let failed = 0;
  const report = (name, problem) => {
    if (problem) failed += 1;
    else passed += 1;
    console.log(problem ? `FAIL ${name}\n${problem.stack ?? problem}` : `ok   ${name}`);
  };
  for (const [name, run] of tests) {
    try {
      await emulator.control('reset');
      emulator.hooks.received.length = 0;
      emulator.hooks.statuses.length = 0;
      await run(emulator);
      report(name);
    } catch (problem) {
      report(name, problem);
    }
  }
  await atEnd();
  const code = await emulator.stop();
  if (code !== 0) report('the emulator ends cleanly', `it ended with ${code}`);
  if (failed > 0) console.log(emulator.log());
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
};
