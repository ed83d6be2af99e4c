#!/usr/bin/env node
// Runs the tests and prints `N passed, N failed, N skipped` last; proofs that were skipped are named with
// what they need. Arguments go to vitest, e.g. `npm test -- test/unit/sweep`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-test-'));
const report = join(folder, 'results.json');
const vitest = spawnSync(
  process.execPath,
  [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);
let results;
try {
  results = JSON.parse(readFileSync(report, 'utf8'));
} catch {
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const skipped = results.testResults.flatMap((file) =>
  file.assertionResults
    .filter((test) => test.status === 'pending' || test.status === 'skipped' || test.status === 'todo')
    .map((test) => `${relative(root, file.name)}: ${test.fullName}`),
);
if (skipped.length > 0) {
  console.log(
    '\nSkipped (their names say what they need; `bash scripts/install-test-services.sh` installs it):',
  );
  for (const name of skipped) console.log(`  ${name}`);
}
// A file that cannot be loaded has no tests in it and must still count as a failure.
const broken = results.testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.length === 0,
).length;
const failed = results.numFailedTests + broken;
console.log(`${results.numPassedTests} passed, ${failed} failed, ${skipped.length} skipped`);
process.exit(vitest.status === 0 && failed === 0 ? 0 : 1);
