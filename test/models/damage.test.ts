import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startTrial } from '../../agent/trial/start.js';
import { FAILURES } from '../../core/errors.js';
import { type ResultRecord, resultSchema } from '../../core/result/result.js';
import { lease, trialContext } from '../support/bench.js';
import { cases } from '../support/cases.js';
import { damage } from '../support/damage.js';
import { temporaryFolder } from '../support/folder.js';
import { tinyModel, withArchitecture } from '../support/gguf-patch.js';

const SEEDS = cases(60);
const original = tinyModel();

async function runAll(files: ReadonlyMap<string, Buffer>): Promise<Map<string, ResultRecord>> {
  const folder = join(temporaryFolder(), 'models');
  mkdirSync(folder);
  const node = trialContext({ folders: [folder], limits: { idleSeconds: 0, trialTimeoutSeconds: 20 } });
  const records = new Map<string, ResultRecord>();
  for (const [name, bytes] of files) {
    writeFileSync(join(folder, name), bytes);
    const changes = {
      model: { name, source: name, digest: null, facts: null },
      runner: { kind: 'llama-cpp', options: { threads: 1 } },
    };
    const record = await startTrial(lease(changes), node).done;
    records.set(name, resultSchema.parse(JSON.parse(JSON.stringify(record))));
  }
  return records;
}

test('whatever is damaged in a model, its trial ends with a record', { timeout: 240_000 }, async () => {
  const files = new Map(
    Array.from({ length: SEEDS }, (_, seed) => [`${seed}.gguf`, damage(original, seed).bytes]),
  );
  const records = await runAll(files);
  expect(records.size).toBe(SEEDS);
  for (const [name, { status, failure }] of records) {
    if (status === 'complete') continue;
    expect(Object.keys(FAILURES), name).toContain(failure?.code);
    expect(failure?.code, `${name}: ${failure?.message}`).not.toBe('internal');
    expect(failure?.message, name).toMatch(/^\S+( \S+){2,}/);
  }
  // Some damage is harmless (weights), most is not: a trial that never failed, or always, would pass
  // otherwise.
  const failed = [...records.values()].filter(({ status }) => status === 'failed').length;
  expect(failed).toBeGreaterThan(SEEDS / 3);
  expect(failed).toBeLessThan(SEEDS);
});

test('an engine that refuses tensors says of which architecture', async () => {
  const records = await runAll(new Map([['odd.gguf', withArchitecture(original, 'qwen3', true)]]));
  const failure = records.get('odd.gguf')?.failure;
  expect(failure?.message).toMatch(/odd\.gguf, of architecture qwen3: .*tensor/);
});
