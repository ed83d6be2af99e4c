import { describe, expect, test } from 'vitest';
import { type PointOnGpus, type PredictedPoint, predictedPoint } from '../../../batching/predicted-point.js';
import { flagsAsked, schedulerNamed } from '../../../batching/schedulers/index.js';
import { SERVER_KINDS } from '../../../core/runners/server/index.js';
import { serving } from '../../../core/workloads/serving.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { hardwareNamed } from '../../../roofline/hardware/catalogue.js';
import { NO_HOST } from '../../../roofline/step/setting.js';

const technique = {
  quantization: 'base',
  sparsity: 'none',
  attention: 'base',
  layers: 'all',
  adapter: 'none',
};

function pointOn(
  device: string,
  load: Record<string, unknown> = {},
  options: Record<string, unknown> = {},
  more: Partial<PointOnGpus> = {},
): PointOnGpus {
  const reading = namedArchitecture('llama-3.1-8b');
  if (!reading.ok) throw new Error(reading.reason);
  return {
    point: {
      technique,
      runner: { kind: 'vllm', options: SERVER_KINDS.vllm.options.parse(options) as never },
      workload: {
        kind: 'serving',
        options: serving.options.parse({
          requests: 32,
          concurrency: 8,
          inputTokens: 512,
          outputTokens: 32,
          ...load,
        }) as never,
      },
    },
    architecture: reading.architecture,
    device: hardwareNamed(device)!,
    release: null,
    host: null,
    own: null,
    trace: null,
    ...more,
  };
}

function predicted(...of: Parameters<typeof pointOn>): PredictedPoint {
  const found = predictedPoint(pointOn(...of));
  if (!('source' in found)) throw new Error(found.join('; '));
  return found;
}

const reasons = (...of: Parameters<typeof pointOn>) => {
  const found = predictedPoint(pointOn(...of));
  return 'source' in found ? [] : found;
};

describe('a point that asks a server on GPUs', () => {
  test('is simulated under its own load and flags, which stand beside its numbers', () => {
    const found = predicted('h100');
    expect(found.source).toMatch(
      /^tables of vLLM 0\.24\.0 on NVIDIA H100 SXM 80GB, host times fitted on \d+/,
    );
    expect(found.load).toBe(
      '32 requests of 512 tokens in and 32 tokens out, 8 at once from the first moment on',
    );
    expect(found.server).toMatch(/^vLLM 0\.24 with 8192 tokens of a step, 1024 sequences/);
    const { timeToFirstTokenSeconds: ttft, requestsPerSecond: rate } = found.entries;
    // 16 GB of weights at 3.35 TB/s are 4.8 ms, and eight prompts of 512 tokens at 990 TFLOP/s 66 ms.
    expect(found.entries.timePerOutputTokenSeconds?.value).toBeGreaterThan(0.0048);
    expect(found.entries.timePerOutputTokenSeconds?.value).toBeLessThan(0.012);
    expect(ttft?.value).toBeGreaterThan(0.01);
    expect(rate?.value).toBeCloseTo(32 / found.runSeconds, 6);
    expect(found.devices).toBe(1);
    // 128 KiB a token in what 80 GB · 0.9 leave beside 16 GB of weights, and 544 tokens a request.
    expect(found.residentSequences).toBeGreaterThan(600);
    expect(found.residentSequences).toBeLessThan(900);
    // Between a fifth of its 700 W and all of them.
    expect(found.joules).toBeGreaterThan(140 * found.runSeconds);
    expect(found.joules).toBeLessThan(700 * found.runSeconds);
  });

  test('takes as much longer as it has more requests than are simulated', () => {
    const [some, many] = [4096, 40_960].map((requests) =>
      predicted('h100', { requests, inputTokens: 8, outputTokens: 2, audit: false, warmupRequests: 0 }),
    );
    expect(many!.runSeconds / some!.runSeconds).toBeCloseTo(10, 6);
    expect(Number(many!.joules) / Number(some!.joules)).toBeCloseTo(10, 6);
    expect(many!.aroundSeconds).toBe(0);
  });

  test('has what comes one by one beside the run: warming up, and the audit', () => {
    const none = predicted('h100', { warmupRequests: 0, audit: false });
    const warm = predicted('h100', { warmupRequests: 8, audit: false });
    const both = predicted('h100', { warmupRequests: 8 });
    expect(none.aroundSeconds).toBe(0);
    const alone = predicted('h100', { requests: 8, concurrency: 1, warmupRequests: 0, audit: false });
    expect(warm.aroundSeconds).toBeCloseTo(alone.runSeconds, 6);
    expect(both.aroundSeconds).toBeGreaterThan(warm.aroundSeconds);
  });

  test('on two devices has replicas, or shares matrices', () => {
    const [one, tensor, data] = [{}, { tensorParallel: 2 }, { dataParallel: 2 }].map((options) =>
      predicted('h100', {}, options),
    );
    expect([one, tensor, data].map((found) => found!.devices)).toEqual([1, 2, 2]);
    const tpot = (found: PredictedPoint) => found.entries.timePerOutputTokenSeconds!.value!;
    expect(tpot(tensor!)).toBeLessThan(0.75 * tpot(one!));
    expect(data!.residentSequences).toBe(2 * one!.residentSequences);
  });

  test('is faster with a host that takes no time than with a calibrated one', () => {
    const host = {
      kernelFactor: null,
      stepSeconds: 0.004,
      tokenSeconds: null,
      requestSeconds: null,
      spread: 0.03,
      source: 'three runs',
    };
    const [free, taken] = [predicted('h100', {}, {}, { host: NO_HOST }), predicted('h100', {}, {}, { host })];
    const tpot = (found: PredictedPoint) => found.entries.timePerOutputTokenSeconds!.value!;
    expect(tpot(taken) - tpot(free)).toBeGreaterThan(0.0039);
    expect(taken.source).toMatch(/, host times three runs$/);
    expect(free.source).not.toContain('host');
    expect(free.widened[0]).toMatch(/^what the host takes/);
    expect(taken.widened).toEqual([]);
  });

  test('without a prediction says why', () => {
    const [a100, heads] = [
      reasons('b200', {}, { dataType: 'float32' }),
      reasons('h100', {}, { tensorParallel: 3 }),
    ];
    expect(a100).toEqual(['no operators are measured in float32']);
    expect(heads[0]).toContain('32 attention heads cannot be shared evenly by 3 devices');
    expect(reasons('h100', { findHighest: 'concurrency', slo: 'ttft:p90<=1s' })[0]).toMatch(
      /^how long a search/,
    );
    expect(reasons('h100', { arrival: 'trace', trace: 'day.jsonl' })).toEqual([
      'the trace day.jsonl is not here',
    ]);
    expect(reasons('h100', {}, { speculative: 'ngram' })[0]).toContain('speculative');
    expect(reasons('h100', { inputTokens: 1_000_000 })[0]).toMatch(/^the server refuses every request/);
    const point = pointOn('h100');
    const llama = { ...point.point, runner: { kind: 'llama-cpp', options: {} } };
    expect(predictedPoint({ ...point, point: llama })).toEqual([
      'no operators of llama-cpp were measured on GPUs',
    ]);
  });
});

test('options of a runner become flags of the scheduler of its engine', () => {
  const options = { maxSequences: 7, batchedTokens: 512, prefixCaching: false, chunkedPrefill: false };
  for (const engine of ['vllm', 'sglang', 'trtllm', 'llama-server']) {
    const scheduler = schedulerNamed(engine, flagsAsked(engine, options));
    if (typeof scheduler === 'string') throw new Error(scheduler);
    expect(scheduler.mostSequences).toBe(7);
  }
  expect(flagsAsked('vllm', options)).toEqual({
    maxNumSeqs: 7,
    maxNumBatchedTokens: 512,
    enablePrefixCaching: false,
    enableChunkedPrefill: false,
  });
  expect(flagsAsked('sglang', options)).toMatchObject({ chunkedPrefillSize: -1, disableRadixCache: true });
  expect(flagsAsked('vllm', { maxSequences: null })).toEqual({});
});
