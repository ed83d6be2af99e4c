import { describe, expect, test } from 'vitest';
import type { TokenRequest } from '../../../batching/request.js';
import { simulateBatching } from '../../../batching/simulate.js';
import { SteppedVllm } from '../../../batching/stepped.js';
import { loadAt, plainSeconds, requestAt, serverOf, uniforms } from './support.js';

const BLOCK = 16;

function randomRequests(seed: number, count: number): TokenRequest[] {
  const uniform = uniforms(seed);
  const upTo = (most: number) => 1 + Math.floor(most * uniform());
  let at = 0;
  return Array.from({ length: count }, () => {
    at += uniform() < 0.5 ? 0 : upTo(400);
    return requestAt(at, upTo(300), upTo(60));
  });
}

interface Times {
  first: number;
  done: number;
}

function stepped(
  requests: readonly TokenRequest[],
  cacheTokens: number,
  flags: { maxNumBatchedTokens: number; maxNumSeqs: number },
): Times[] {
  const own = new SteppedVllm('', { secondsOf: plainSeconds }, cacheTokens, BLOCK, flags);
  const times: Times[] = requests.map(() => ({ first: Number.NaN, done: Number.NaN }));
  let [clock, come] = [0, 0];
  for (;;) {
    while (come < requests.length && requests[come]!.atSeconds! <= clock) {
      own.arrive(requests[come]!.promptTokens, requests[come]!.outputTokens);
      come += 1;
    }
    const step = own.step();
    if (step === null) {
      if (come === requests.length) return times;
      clock = requests[come]!.atSeconds!;
      continue;
    }
    clock += step.seconds;
    for (const id of step.answered) {
      if (Number.isNaN(times[id]!.first)) times[id]!.first = clock;
      times[id]!.done = clock;
    }
  }
}

describe('against another program of the same policy', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i', (seed) => {
    const requests = randomRequests(seed, 400);
    const cacheTokens = [400, 512, 1024, 4096][seed % 4]!;
    const flags = {
      maxNumBatchedTokens: [64, 200, 2048][seed % 3]!,
      maxNumSeqs: [4, 16, 64][(seed * 7) % 3]!,
    };
    const server = serverOf(
      'vllm',
      { ...flags, asyncScheduling: false, enablePrefixCaching: false, schedulerReserveFullIsl: false },
      { cacheTokens, step: { secondsOf: plainSeconds } },
    );
    const run = simulateBatching(loadAt(requests), server, undefined, { stepByStep: true });
    const times = requests.map(
      (_, i): Times => ({
        first: run.requests.firstToken.at(i),
        done: run.requests.done.at(i),
      }),
    );
    expect(times).toEqual(stepped(requests, cacheTokens, flags));
  });
});
