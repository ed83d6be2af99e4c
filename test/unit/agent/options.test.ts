import { expect, test } from 'vitest';
import { latency } from '../../../agent/workloads/latency.js';
import { serving } from '../../../agent/workloads/serving.js';
import { toFailure } from '../../../core/errors.js';
import { readOptions } from '../../../core/experiment/options.js';
import { optionsFor } from '../../../core/runners/index.js';
import { llamaCpp } from '../../../core/runners/llama-cpp.js';
import { predictableWork } from '../../../core/work/latency.js';
import { loadRunner } from '../../../engines/runners/index.js';
import { open } from '../../../engines/runners/runner.js';

test('defaults of a kind are filled in once, where its options are read', () => {
  expect(readOptions(llamaCpp.options, { batch: 64 })).toMatchObject({
    batch: 64,
    ubatch: 512,
    threads: null,
  });
  expect(latency.plan({}).demands).toEqual({ contextTokens: 640, sequences: 1 });
});

test.each([
  [{ batch: 1.5 }, 'batch cannot be 1.5: Invalid input: expected int, received number', 'batch'],
  [{ splitMode: 'rows' }, 'splitMode cannot be "rows": ', 'splitMode'],
  [{ sparseType: 'int8' }, 'Unrecognized key: "sparseType"', 'Leave it out'],
])('%j is refused with a sentence and what to do', (options, message, hint) => {
  const refused = () => readOptions(llamaCpp.options, options);
  expect(refused).toThrow(message);
  try {
    refused();
  } catch (error) {
    const failure = toFailure(error);
    expect(failure).toMatchObject({ code: 'impossible-combination', hint: expect.stringContaining(hint) });
  }
});

test('a runner and a workload refuse options that are none of theirs before anything is opened', async () => {
  const fake = await loadRunner('fake');
  const place = { modelPath: null, deviceClass: 'cpu', deviceId: 'cpu0', cpus: [] };
  const request = { ...place, options: { batch: 8 }, contextTokens: 8, sequences: 1 };
  expect(await open(fake, 'generator', request).then(() => null, toFailure)).toMatchObject({
    code: 'impossible-combination',
    message: 'Unrecognized key: "batch"',
  });
  expect(() => serving.plan({ concurrency: 0 })).toThrow('concurrency cannot be 0: ');
});

test('another runner that opens a model in the place of the point’s own gets the options that it has', () => {
  const options = { threads: 2, cpuBackend: 'native', sparseType: 'int8' };
  expect(optionsFor('llama-cpp', options)).toEqual({ threads: 2, cpuBackend: 'native' });
  expect(optionsFor('onnx', options)).toEqual({ threads: 2 });
});

test('what users write as parallel are sequences inside', () => {
  const options = { promptTokens: 8, generateTokens: 2, parallel: 4 };
  expect(predictableWork({ kind: 'latency', options }).sequences).toBe(4);
  expect(latency.plan(options).demands).toEqual({ contextTokens: 10, sequences: 4 });
});
