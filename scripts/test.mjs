#!/usr/bin/env node
// Runs the tests and prints `N passed, N failed, N skipped` last, before it what those that were skipped
// need. Arguments go to vitest, e.g. `npm test -- test/unit/sweep`.
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
    .map((test) => ({ test, path: relative(root, file.name) })),
);
/**
 * @returns what a test needs, as its name or that of a group around it says: `the page (needs chromium)`,
 *   `needs PostgreSQL`.
 */
function needOf({ ancestorTitles, title }) {
  const needs = [...ancestorTitles, title].flatMap((name) => /(?:^|\()needs? ([^()]+)/.exec(name)?.[1] ?? []);
  return needs.length > 0 ? needs.join(', ') : `what its name says: ${title}`;
}
if (skipped.length > 0) {
  const paths = new Map();
  for (const { test, path } of skipped) paths.set(needOf(test), [...(paths.get(needOf(test)) ?? []), path]);
  console.log('\nNot tested here, for want of:');
  for (const [need, all] of [...paths].sort(([, one], [, other]) => other.length - one.length))
    console.log(`  ${need} (${all.length}: ${[...new Set(all)].join(', ')})`);
  console.log(
    'What a distribution has, `bash scripts/install-test-services.sh` installs on Debian, with Go also helm and nats-server; ' +
      'what belongs to Kubernetes, `bash scripts/install-kubernetes-test-services.sh` builds.',
  );
}
// A file that cannot be loaded has no tests in it and must still count as a failure.
const broken = results.testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.length === 0,
).length;
const failed = results.numFailedTests + broken;
console.log(`${results.numPassedTests} passed, ${failed} failed, ${skipped.length} skipped`);
process.exit(vitest.status === 0 && failed === 0 ? 0 : 1);
