import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { descendantsOf } from '../../process/isolation/processes.js';
import { sharedFolder } from '../support/folder.js';
import { startRidge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';
import { until } from '../support/services.js';

const folder = sharedFolder();

/** A sweep file of one row whose phases take minutes where they are asked to. */
function sweepOf(name: string, spec: string): string {
  const path = join(folder, `${name}.yaml`);
  writeFileSync(
    path,
    `apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: ${name} }
spec:
  measure: { starts: 1 }
  placement: { driftControl: false, retries: 0 }
${spec}`,
  );
  return path;
}

const LATENCY = 'workloads: [{ kind: latency, promptTokens: 8, generateTokens: 8 }]';

/** What somebody may be in the middle of, and what is said then. */
const PHASES: readonly (readonly [phase: string, said: RegExp, spec: () => string])[] = [
  [
    'a trial',
    /load|warm-up|prefill/,
    () => `  models: builtin:tiny
  runners: [{ kind: fake, fakeFailure: hang }]
  ${LATENCY}`,
  ],
  [
    'the making of an artifact',
    /the quantization/,
    () => `  models: "synthetic:llama?layers=48&embedding=1024&vocabulary=512"
  techniques: { quantization: q2_k }
  runners: [{ kind: llama-cpp, threads: 1 }]
  ${LATENCY}`,
  ],
  [
    'the measurement of quality',
    /the measurement of quality/,
    () => {
      writeFileSync(join(folder, 'long.txt'), 'It was a dark and stormy night. '.repeat(200_000));
      return `  models: builtin:small
  runners: [{ kind: llama-cpp, threads: 1 }]
  ${LATENCY}
  quality: { text: ./long.txt }`;
    },
  ],
  [
    'the measurement of roofs',
    /measuring the roofs of/,
    () => `  models: builtin:tiny
  runners: [{ kind: llama-cpp }]
  ${LATENCY}`,
  ],
];

// Beside each other, for what runs is said after ten seconds only.
test.concurrent.each(PHASES)(
  'SIGTERM in %s ends the run, with all that it started',
  async (phase, said, spec) => {
    const out = join(folder, `out of ${phase}`);
    const file = sweepOf(phase.split(' ').at(-1)!, spec());
    const config = join(folder, `agent of ${phase}.json`);
    writeFileSync(config, JSON.stringify({ roofsFolder: join(folder, 'roofs') }));
    const env = { RIDGE_ROOFS: phase.endsWith('roofs') ? 'auto' : 'off' };
    const running = startRidge(['run', file, '--out', out, '--config', config], { env });
    await running.says(said);
    const pid = running.process.pid ?? 0;
    const started = await until('a child at work', async () => {
      const found = descendantsOf(pid);
      return found.length > 0 ? found : null;
    });
    process.kill(pid, 'SIGTERM');
    const { code, stderr } = await running.ended;
    expect(code, stderr).toBe(130);
    for (const child of started)
      expect(() => process.kill(child, 0), `${child} of ${phase}`).toThrow('ESRCH');
  },
  240_000,
);

test('what was measured before is kept', async () => {
  const out = join(folder, 'kept');
  const file = sweepOf(
    'kept',
    `  models: builtin:tiny
  runners: [{ kind: fake, fakeDecodeTokensPerSecond: [1000, 1] }]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: 200 }]`,
  );
  const running = startRidge(['run', file, '--out', out]);
  await running.says(/1\/2/);
  process.kill(running.process.pid ?? 0, 'SIGTERM');
  expect((await running.ended).code).toBe(130);
  expect(readdirSync(out)).not.toContain('running.pid');
  const report = await ridgeHere(['report', out, '--json']);
  expect(report.code, report.stderr).toBe(0);
  expect(JSON.parse(report.stdout).rows).toHaveLength(1);
});
