import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resultSchema } from '../../core/result/result.js';
import { sharedFolder } from '../support/folder.js';
import { ridgeHere } from '../support/ridge-here.js';

const folder = sharedFolder();
const at = { cwd: folder, env: { XDG_STATE_HOME: folder } };

/** No gate may fire on a busy machine, since that is not the question. */
const QUICK = `measure: { starts: 1, maxRepeats: 2, maxWarmups: 1 }, placement: { retries: 0 }`;

test('a file that says a model alone runs, with tokens that its context holds', {
  timeout: 180_000,
}, async () => {
  writeFileSync(
    join(folder, 'tiny.yaml'),
    `apiVersion: ridgepoint.dev/v1\nkind: Sweep\nmetadata: { name: tiny }\nspec: { models: builtin:tiny, ${QUICK} }\n`,
  );
  const run = await ridgeHere(['run', 'tiny.yaml', '--format', 'csv'], at);
  expect(run.code, run.stderr).toBe(0);
  expect(run.stderr).toMatch(
    /chosen for the \d+ tokens of context that tiny has: promptTokens \d+, generateTokens \d+/,
  );
  const [line = ''] = readFileSync(join(folder, 'ridge-out/tiny/results.jsonl'), 'utf8').split('\n');
  const { experiment, failure } = resultSchema.parse(JSON.parse(line));
  expect(failure).toBeNull();
  const { promptTokens, generateTokens } = experiment.workload.options;
  const context = experiment.model.facts?.contextLength ?? 0;
  expect(Number(promptTokens) + Number(generateTokens)).toBeLessThanOrEqual(context);
  expect(readFileSync(join(folder, 'ridge-out/tiny/sweep.yaml'), 'utf8')).toContain(
    `promptTokens: ${promptTokens}`,
  );
});

test('a model in place of a file is planned as the sweep of it', { timeout: 180_000 }, async () => {
  const plan = await ridgeHere(['plan', 'builtin:tiny', '--json'], at);
  expect(plan.code, plan.stderr).toBe(0);
  expect(JSON.parse(plan.stdout)).toMatchObject({
    name: expect.stringMatching(/^tiny-[0-9a-f]{6}$/),
    points: 1,
    impossible: [],
    runnable: 1,
  });
});

test('what ridge init writes is planned: all of it can run here', { timeout: 180_000 }, async () => {
  const answers = ['--model', 'builtin:small', '--vary', 'quantization,attention,batch,threads', '--quality'];
  const written = await ridgeHere(['init', ...answers], at);
  expect(written.code, written.stderr).toBe(0);
  const plan = await ridgeHere(['plan', 'sweep.yaml', '--json'], at);
  expect(plan.code, plan.stderr).toBe(0);
  const found = JSON.parse(plan.stdout) as Record<string, unknown>;
  expect(found).toMatchObject({
    impossible: [],
    warnings: [],
    checked: found.points,
    runnable: found.points,
  });
  expect(found.time).toMatchObject({ seconds: null, absent: expect.stringContaining('ridge roofs') });
});

test('a plan of which nothing can run here has an exit code of its own', { timeout: 180_000 }, async () => {
  writeFileSync(
    join(folder, 'other.yaml'),
    'apiVersion: ridgepoint.dev/v1\nkind: Sweep\nmetadata: { name: o }\nspec: { models: builtin:tiny, techniques: { adapter: builtin:small-pgdoc-r4 } }\n',
  );
  const plan = await ridgeHere(['plan', 'other.yaml'], at);
  expect(plan.code, plan.stderr).toBe(5);
  expect(plan.stdout).toMatch(
    /warning: 1 of 1: the adapter builtin:small-pgdoc-r4 is for another model than tiny/,
  );
  expect(plan.stdout).toContain('nothing of it can run on this machine');
});
