import { expect, test } from 'vitest';
import { planSpace } from '../../../core/sweep/space.js';
import { formatOf } from '../../../formats/index.js';
import { tinyLlama, writeFolder } from '../../support/model-folder.js';
import { tinyBert } from '../../support/tiny-models.js';
import { file, sweepOf } from './documents.js';

async function impossible(folder: string, workload: object, options: object = {}) {
  const { facts } = formatOf(folder).inspect(folder);
  const sweep = sweepOf(
    file({ models: folder, workloads: workload, runners: [{ kind: 'llama-cpp', ...options }] }),
  );
  const models = sweep.models.map((model) => ({ ...model, facts }));
  return planSpace({ ...sweep, models }).impossible.map(({ reason }) => reason);
}

test('an encoder is run by the workload inference alone, and llama.cpp runs nothing else by it', async () => {
  const [encoder, decoder] = [await tinyBert(), await writeFolder(tinyLlama())];
  const inference = { kind: 'inference', items: 4, size: 16 };
  const latency = { kind: 'latency', promptTokens: 8, generateTokens: 4 };
  expect(await impossible(encoder, inference)).toEqual([]);
  expect(await impossible(decoder, latency)).toEqual([]);
  expect((await impossible(encoder, latency)).join()).toMatch(
    /is an encoder, which generates nothing: use the workload inference/,
  );
  expect((await impossible(decoder, inference)).join()).toMatch(/decodes, .* use the workload latency/);
  expect((await impossible(encoder, { ...inference, size: 256 })).join()).toMatch(/raise ubatch and batch/);
  expect(await impossible(encoder, { ...inference, size: 256 }, { ubatch: 1024 })).toEqual([]);
});
