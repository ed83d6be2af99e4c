/**
 * bench:endpoints-export: does MLPerf Endpoints' own checker take what `--format mlperf-endpoints` writes? A curve of 7 concurrencies of a
 * simulated server is measured and exported. Claims: every point is there, and all that the checker refuses is what its rules ask of a
 * submitter and no measurement tells (docs/exports.md names it).
 *
 *   RIDGEPOINT_ENDPOINTS_CLI=venv/bin/endpoints-submission-cli npm run bench -- endpoints-export
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRidge } from '../support/ridge.js';
import { conclude } from './figure.js';

const checker = process.env.RIDGEPOINT_ENDPOINTS_CLI;
if (checker === undefined) {
  console.error(
    'endpoints-export needs RIDGEPOINT_ENDPOINTS_CLI: endpoints-submission-cli of the package of this name (1.5.3.0).',
  );
  process.exit(2);
}

/** Links, seed set, cohort, the round's models and accuracy runs. */
const OF_THE_SUBMITTER = new Set([
  'point-disclosure-complete',
  'seed-config-legacy',
  'model-name-valid',
  'accuracy-coverage',
  'accuracy-present',
]);
const CONCURRENCIES = [1, 2, 4, 8, 16, 32, 40];
/** So slow that a busy machine delays the load generator by nothing that counts. */
const SWEEP = `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: curve }
spec:
  models: [{ name: tiny, source: "builtin:tiny" }]
  runners: [{ kind: simulated-server, simulatedTtftSeconds: 1.5, simulatedItlSeconds: 0.01 }]
  workloads: [{ kind: serving, concurrency: [${CONCURRENCIES.join(', ')}], requests: 42, warmupRequests: 1, outputTokens: 8 }]
  measure: { starts: 1 }
  placement: { retries: 0, driftControl: false }
`;

interface Check {
  readonly results: readonly { readonly rule: string; readonly severity: string; readonly message: string }[];
}

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-endpoints-'));
try {
  const [sweep, out, submission] = ['sweep.yaml', 'run', 'submission'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(sweep, SWEEP);
  const ran = await startRidge(['run', sweep, '--fresh', '-o', out]).ended;
  const exported = await startRidge(['report', out, '--format', 'mlperf-endpoints', '--output', submission])
    .ended;
  const { stdout } = spawnSync(checker, ['check-submission', '--json', submission], {
    encoding: 'utf8',
    maxBuffer: 1e8,
  });
  const { results } = JSON.parse(stdout) as Check;
  const errors = results.filter(({ severity }) => severity === 'error');
  const others = errors.filter(({ rule }) => !OF_THE_SUBMITTER.has(rule));
  const passed = results.filter(({ severity }) => severity === 'info').length;
  console.log([...new Set(errors.map(({ rule, message }) => `${rule}: ${message}`))].join('\n'));
  conclude('endpoints-export', [
    {
      claim: 'points written',
      measured: `${exported.stderr.trim()} (ridge run: ${ran.code})`,
      required: `${CONCURRENCIES.length} points`,
      holds: exported.stderr.includes(`wrote ${CONCURRENCIES.length} points`),
    },
    {
      claim: 'the checker refuses only what a submitter has to say',
      measured: `${passed} checks pass, ${errors.length} errors, ${others.length} of other rules${others.map(({ rule }) => ` ${rule}`).join('')}`,
      required: `none but ${[...OF_THE_SUBMITTER].join(', ')}`,
      holds: others.length === 0 && passed > 0,
    },
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
