import { describe, expect, test } from 'vitest';
import { loadOf, type TokenLoad } from '../../../batching/load.js';
import { hostOfRows, type ServedFacts, withSimulation } from '../../../batching/own-row.js';
import { hostOf, type OwnServer, ownServer } from '../../../batching/own-server.js';
import { recordsOf, summaryOf } from '../../../batching/run.js';
import { simulateBatching } from '../../../batching/simulate.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { readOptions } from '../../../core/experiment/options.js';
import type { RooflineRecord } from '../../../core/result/roofline-record.js';
import { llamaServerPasses } from '../../../core/work/llama-cpp.js';
import { serving } from '../../../core/workloads/serving.js';
import { measuredMachine } from '../../../roofline/machine-model.js';
import { ownSteps } from '../../../roofline/own-step.js';
import { type HostTimes, NO_HOST } from '../../../roofline/step/setting.js';
import { experimentOf } from '../../support/experiments.js';
import { GIVEN, PERFECT, ROOFS, rooflineOf, SMALL } from '../../support/roofline.js';
import { servingRecordOf } from '../../support/served-records.js';

const machineModel = measuredMachine(ROOFS, { name: 'test', memoryBytes: null }, 2, null)!;
const setting = llamaServerPasses.setting(SMALL, {});
if (typeof setting === 'string') throw new Error(setting);
const model = { architecture: SMALL, setting, machineModel, factors: PERFECT };

const HOST: HostTimes = {
  ...NO_HOST,
  kernelFactor: 1.1,
  stepSeconds: 2e-3,
  tokenSeconds: 1e-4,
  requestSeconds: 4e-3,
};

function own(flags: Record<string, unknown> = {}, engine = 'llama-server'): OwnServer {
  const found = ownServer({ engine, model, flags, cacheTokens: 8192 });
  if (typeof found === 'string') throw new Error(found);
  return found;
}

function load(options: Options): TokenLoad {
  const found = loadOf(readOptions(serving.options, options), null);
  if (typeof found === 'string') throw new Error(found);
  return found;
}

const means = (server: OwnServer, host: HostTimes | null, asked: TokenLoad) => {
  const { ttft, tpot } = summaryOf(simulateBatching(asked, server.serverWith(host)));
  return { ttftSeconds: ttft.mean, tpotSeconds: tpot.mean };
};

describe('steps by factors of one’s own', () => {
  const steps = ownSteps(model);
  if (typeof steps === 'string') throw new Error(steps);
  const decoding = { decodes: 1, contextTokens: 17, chunks: [] };

  test('a token takes the time of its weights and its cache, and what the host takes comes on top', () => {
    const seconds = steps.stepWith(NO_HOST).secondsOf(decoding);
    const matrices = 2 * 2 * (64 * 64 * 2 + 64 * 32 * 2 + 64 * 128 * 3) + 2 * 64 * 1000;
    expect(seconds).toBeGreaterThan(matrices / 16e9);
    expect(seconds).toBeLessThan((1.1 * matrices) / 16e9);
    expect(steps.stepWith(HOST).secondsOf(decoding)).toBeCloseTo(1.1 * seconds + 2.1e-3, 9);
    expect(steps.stepWith(HOST).secondsOf({ decodes: 0, contextTokens: 0, chunks: [] })).toBe(0);
  });

  test('kernels that read prompts have a factor of their own, also in a step with decodes', () => {
    const prompt = { decodes: 0, contextTokens: 0, chunks: [{ newTokens: 64, cachedTokens: 0 }] };
    const mixed = { ...decoding, chunks: prompt.chunks };
    const secondsOf = (batch: typeof mixed, promptFactor?: number) =>
      steps.stepWith({ ...NO_HOST, promptFactor }).secondsOf(batch);
    expect(secondsOf(prompt, 0.5)).toBeCloseTo(0.5 * secondsOf(prompt), 12);
    expect(secondsOf(decoding, 0.5)).toBe(secondsOf(decoding));
    const [decodes, both] = [secondsOf(decoding), secondsOf(mixed)];
    expect(secondsOf(mixed, 0.5)).toBeCloseTo(decodes + 0.5 * (both - decodes), 12);
    expect(steps.stepWith({ ...NO_HOST, kernelFactor: 2 }).secondsOf(mixed)).toBeCloseTo(2 * both, 12);
  });

  test('weights without a type have no factors, and the reason says so', () => {
    const untyped = { ...SMALL, outputType: 'q9_x' };
    expect(ownSteps({ ...model, architecture: untyped })).toContain('factors go by the type');
    expect(ownSteps({ ...model, architecture: untyped, factors: 'roofs' })).not.toBeTypeOf('string');
  });
});

describe('a server on the node’s own device', () => {
  test('has the defaults of its engine on a CPU, and refuses flags that it does not have', () => {
    expect(own({}, 'vllm').says).toContain('2048 tokens of a step, 128 sequences');
    expect(own({}, 'vllm').says).toContain('no asynchronous scheduling');
    expect(ownServer({ engine: 'vllm', model, flags: { slots: 4 }, cacheTokens: 64 })).toContain('no flag');
  });

  test('the first token of more users than slots waits for a slot', () => {
    const server = own({ parallel: 2, cachePrompt: false });
    const ttftOf = (concurrency: number) =>
      means(server, HOST, load({ concurrency, requests: 32, inputTokens: 16, outputTokens: 16 })).ttftSeconds;
    const [alone, full, queued] = [1, 2, 6].map(ttftOf);
    expect(full!).toBeLessThan(2 * alone!);
    // Two of six are computed: the others wait for about two answers of 15 steps.
    expect(queued!).toBeGreaterThan(30 * 2e-3);
    expect(queued!).toBeGreaterThan(5 * full!);
  });

  test('what the host takes is found again from three loads, and predicts others with their queues', () => {
    const server = own({ parallel: 4, cachePrompt: false });
    const fitted = [
      { concurrency: 1, requests: 8, inputTokens: 24, outputTokens: 24 },
      { concurrency: 1, requests: 6, inputTokens: 160, outputTokens: 8 },
      { concurrency: 3, requests: 20, inputTokens: 64, outputTokens: 24 },
    ].map(load);
    const host = hostOf(
      server,
      fitted.map((asked) => ({ load: asked, ...means(server, HOST, asked) })),
    );
    expect(Math.abs(host.stepSeconds! - 2e-3)).toBeLessThan(3e-4);
    for (const concurrency of [2, 8]) {
      const asked = load({ concurrency, requests: 40, inputTokens: 'uniform:16..64', outputTokens: 16 });
      const [found, truth] = [means(server, host, asked), means(server, HOST, asked)];
      expect(found.ttftSeconds / truth.ttftSeconds).toBeCloseTo(1, 1);
      expect(found.tpotSeconds / truth.tpotSeconds).toBeCloseTo(1, 1);
    }
  });
});

/** What was measured of a server under such times of its host: the simulation itself. */
function factsOf(concurrency: number, roofline = GIVEN): ServedFacts {
  const options = readOptions(serving.options, {
    concurrency,
    requests: 24,
    inputTokens: 16,
    outputTokens: 16,
    warmupRequests: 0,
  });
  const run = simulateBatching(load(options), own({ parallel: 2, cachePrompt: false }).serverWith(HOST));
  const runner = { kind: 'llama-server', options: { threads: 2, maxSequences: 2, prefixCaching: false } };
  return {
    device: { id: 'cpu0', name: 'test' } as ServedFacts['device'],
    experiment: { ...experimentOf(), runner, workload: { kind: 'serving', options: { ...options } } },
    roofs: ROOFS,
    serving: servingRecordOf(recordsOf(run)),
    given: { roofline },
  };
}

describe('a row of a server on the node’s CPU', () => {
  const [prefill, decode] = rooflineOf(1).phases;
  const served = {
    window: { fromSeconds: 0, toSeconds: 1, steady: false },
    batchFrom: 'requests',
    ...{ stepSequences: 2, meanSequences: 2, contextTokens: 20, promptsPerStep: 0.1, promptsAtOnce: 1 },
    ...{ promptsBetween: 1, promptTokens: 16, cachedTokens: 0 },
  } as const;
  const record: RooflineRecord = { ...rooflineOf(1), phases: [prefill!, decode!], served };
  const predictedOf = (facts: ServedFacts) =>
    withSimulation(record, facts).phases.map(({ predictedSeconds }) => predictedSeconds!);

  test('has its queue in the prediction of its first token, and says what was simulated', () => {
    const [alone] = predictedOf(factsOf(1));
    const [queued] = predictedOf(factsOf(6));
    expect(queued).toBeGreaterThan(3 * alone!);
    const { served: said } = withSimulation(record, factsOf(6));
    expect(said?.simulated?.load).toContain('6 at once');
    expect(said?.simulated?.server).toContain('llama-server with 2 slots');
  });

  test('is predicted as it was measured, once three such rows fitted the host', () => {
    const host = hostOfRows([1, 2, 4].map((users) => factsOf(users)));
    if (typeof host === 'string') throw new Error(host);
    const facts = factsOf(6, { ...GIVEN, host });
    const { serving: measured } = facts;
    const first = measured!.requests.firstToken.map((time, i) => time! - measured!.requests.dispatched[i]!);
    const middle = [...first].sort((a, b) => a - b)[first.length / 2]!;
    const [ttft] = predictedOf(facts);
    expect(ttft! / middle).toBeCloseTo(1, 1);
  });

  test('stays as it is where somebody else may ask the server, and where nothing was fitted', () => {
    const facts = factsOf(2);
    const attached = { ...facts, serving: { ...facts.serving!, startSeconds: null } };
    expect(withSimulation(record, attached)).toBe(record);
    const unfitted = { ...facts, given: { roofline: { ...GIVEN, factors: null } } };
    expect(withSimulation(record, unfitted)).toBe(record);
    expect(hostOfRows([unfitted])).toContain('no row of it');
  });
});
