import { describe, expect, test } from 'vitest';
import type { Batch } from '../../../batching/batch.js';
import { drawnRequests, type TokenLoad } from '../../../batching/load.js';
import type { TokenRequest } from '../../../batching/request.js';
import { type BatchingRun, summaryOf, tokenSecondsOf } from '../../../batching/run.js';
import type { SchedulerFlags } from '../../../batching/schedulers/index.js';
import type { Scheduler } from '../../../batching/schedulers/scheduler.js';
import { simulateBatching } from '../../../batching/simulate.js';
import { loadAt, plainSeconds, requestAt, serverOf, uniforms } from './support.js';

const STEP = { secondsOf: plainSeconds };

/** Servers that are small, so that every limit is met. */
const SERVERS: readonly (readonly [name: string, engine: string, flags: SchedulerFlags])[] = [
  ['vllm', 'vllm', { maxNumBatchedTokens: 128, maxNumSeqs: 12 }],
  [
    'vllm, first chunk alone',
    'vllm',
    { maxNumBatchedTokens: 64, maxNumSeqs: 30, schedulerReserveFullIsl: false },
  ],
  ['vllm, short pieces', 'vllm', { maxNumBatchedTokens: 64, maxNumSeqs: 8, longPrefillTokenThreshold: 20 }],
  ['vllm, whole prompts', 'vllm', { maxNumBatchedTokens: 512, enableChunkedPrefill: false, maxNumSeqs: 16 }],
  ['sglang', 'sglang', { chunkedPrefillSize: 100, maxRunningRequests: 20 }],
  ['sglang, daring', 'sglang', { scheduleConservativeness: 0.01, pageSize: 4 }],
  [
    'sglang, mixed',
    'sglang',
    { chunkedPrefillSize: 64, enableMixedChunk: true, disableOverlapSchedule: true },
  ],
  ['trtllm', 'trtllm', { maxNumTokens: 400, maxBatchSize: 16 }],
  [
    'trtllm, full use',
    'trtllm',
    { capacitySchedulerPolicy: 'MAX_UTILIZATION', enableChunkedPrefill: true, maxNumTokens: 100 },
  ],
  [
    'trtllm, waiting',
    'trtllm',
    { batchWaitTimeoutIters: 5, batchWaitMaxTokensRatio: 0.9, maxNumTokens: 400 },
  ],
  ['llama-server', 'llama-server', { parallel: 3, batchSize: 64, ubatchSize: 16 }],
];

/** Alone, of conversations, and with a shared beginning, of very different lengths. */
function randomRequests(seed: number, count: number): TokenRequest[] {
  const uniform = uniforms(seed);
  const upTo = (most: number) => 1 + Math.floor(most * uniform());
  let at = 0;
  return Array.from({ length: count }, () => {
    at += uniform() < 0.6 ? 0 : upTo(300);
    return requestAt(at, upTo(260), upTo(50));
  });
}

function conversations(seed: number): TokenLoad {
  const requests = drawnRequests({
    count: 200,
    seed,
    promptTokens: { kind: 'uniform', from: 1, to: 60 },
    outputTokens: { kind: 'uniform', from: 1, to: 30 },
    sharedPrefix: 0.5,
    turns: 4,
    thinkSeconds: 30,
  });
  return { ...loadAt([...requests]), arrival: { kind: 'closed', concurrency: 7 } };
}

/** The same scheduler, with a look at every step that it puts together. */
function watched(scheduler: Scheduler, look: (batch: Batch) => void): Scheduler {
  return {
    ...scheduler,
    begin: (cacheTokens) => {
      const policy = scheduler.begin(cacheTokens);
      return {
        compose: (batch) => {
          policy.compose(batch);
          look(batch);
        },
        repeats: (batch) => policy.repeats(batch),
        passed: (batch, steps) => policy.passed?.(batch, steps),
        ended: (batch, request) => policy.ended?.(batch, request),
      };
    },
  };
}

/** Blocks that running requests have to have, counted one by one; none of their texts is shared. */
function blocksNeeded(batch: Batch): number {
  const piece = (request: number) => batch.pieces.find((one) => one.request === request)?.newTokens ?? 0;
  const blocks = (request: number, more: number) => batch.cache.blocksOf(batch.heldTokens(request) + more);
  let needed = 0;
  for (const request of batch.partial) needed += blocks(request, piece(request));
  for (const request of batch.decoding) needed += blocks(request, batch.decodes ? 1 : 0);
  return needed;
}

/** The most of each over all steps. */
class Most {
  held = 0;
  tokens = 0;
  running = 0;
  /** Between blocks that are held, and those that are needed or can be given away. */
  apart = 0;
  last: Batch | null = null;

  look(batch: Batch, needed: number): void {
    const { cache, tokens, running } = batch;
    this.held = Math.max(this.held, cache.held);
    this.tokens = Math.max(this.tokens, tokens);
    this.running = Math.max(this.running, running);
    this.apart = Math.max(this.apart, Math.abs(cache.held - needed));
    this.last = batch;
  }
}

function expectWhole(run: BatchingRun, count: number): void {
  const { requests, refusals } = run;
  expect(run.endedEarly).toBeNull();
  expect(requests.count).toBe(count);
  for (let i = 0; i < count; i++) {
    const tokens = tokenSecondsOf(run, i);
    if (refusals.has(i)) {
      expect(tokens).toEqual([]);
      continue;
    }
    const { arrived, scheduled, firstToken, done, outputTokens } = requests;
    expect(scheduled.at(i)).toBeGreaterThanOrEqual(arrived.at(i));
    expect(firstToken.at(i)).toBeGreaterThan(scheduled.at(i));
    expect(tokens).toHaveLength(outputTokens.at(i));
    expect(tokens[0]).toBe(firstToken.at(i));
    expect(tokens.at(-1)).toBeCloseTo(done.at(i), 6);
    expect(tokens.every((at, place) => place === 0 || at > tokens[place - 1]!)).toBe(true);
    expect(requests.cachedTokens.at(i)).toBeLessThan(requests.promptTokens.at(i));
  }
}

describe.each(SERVERS)('%s', (_, engine, flags) => {
  test.each([1, 2, 3])('answers all of a random load or refuses them, within its limits: seed %i', (seed) => {
    const requests = randomRequests(seed, 200);
    const slots = engine === 'llama-server' ? 3 : 1;
    const cacheTokens = slots * [320, 1000, 4096][seed % 3]!;
    const server = serverOf(engine, flags, { cacheTokens, step: STEP });
    const { scheduler } = server;
    const most = new Most();
    const look = (batch: Batch) => most.look(batch, blocksNeeded(batch));
    const run = simulateBatching(loadAt(requests), { ...server, scheduler: watched(scheduler, look) });
    expectWhole(run, requests.length);
    expect(most.apart).toBe(0);
    expect(most.held).toBeLessThanOrEqual(most.last!.cache.blocks);
    expect(most.running).toBeLessThanOrEqual(scheduler.mostSequences);
    // SGLang counts tokens of prompts alone.
    const decodes = engine === 'sglang' ? scheduler.mostSequences : 0;
    expect(most.tokens).toBeLessThanOrEqual(scheduler.stepTokens + decodes);
    const refused = requests.filter(
      ({ promptTokens, outputTokens }) => scheduler.refusal(promptTokens, outputTokens, cacheTokens) !== null,
    );
    expect(run.refusals.size).toBe(refused.length);
    expect(run.refusals.size).toBeLessThan(requests.length / 2);
  });

  test.each([1, 2])('holds nothing once conversations that begin alike have ended: seed %i', (seed) => {
    const server = serverOf(engine, flags, { cacheTokens: 1500, step: STEP });
    const most = new Most();
    const look = (batch: Batch) => most.look(batch, batch.cache.blocks - batch.cache.available);
    const run = simulateBatching(conversations(seed), {
      ...server,
      scheduler: watched(server.scheduler, look),
    });
    expectWhole(run, 200);
    expect(most.apart).toBe(0);
    expect(most.held).toBeLessThanOrEqual(most.last!.cache.blocks);
    expect(most.last!.cache.held).toBe(0);
    expect(most.last!.contextTokens).toBe(0);
    expect(summaryOf(run).cachedShare).toBeGreaterThan(0.04);
  });

  test('says the same every time, and together what it says step by step', () => {
    const requests = randomRequests(9, 200);
    const server = serverOf(engine, flags, { cacheTokens: 700, step: { secondsOf: () => 2 }, replicas: 2 });
    const timesOf = (stepByStep: boolean) => {
      const { requests: own } = simulateBatching(loadAt(requests), server, undefined, { stepByStep });
      return [own.server, own.scheduled, own.firstToken, own.done, own.preemptions].map((one) => [
        ...one.values(),
      ]);
    };
    expect(timesOf(false)).toEqual(timesOf(false));
    expect(timesOf(false)).toEqual(timesOf(true));
  });
});
