import { describe, expect, test } from 'vitest';
import { latency } from '../../../agent/workloads/latency.js';
import { tokenPlan } from '../../../agent/workloads/tokens.js';
import type { WorkloadContext } from '../../../agent/workloads/workload.js';
import { type Failure, failed, toFailure } from '../../../core/errors.js';
import type { MeasurePolicy, Options } from '../../../core/experiment/experiment.js';
import type { Phase } from '../../../core/result/result.js';
import type { Generator } from '../../../engines/runners/opened.js';
import { QUICK } from '../../support/bench.js';

/** A model on a clock that only the model moves: every time in a test is exact. */
function world(seconds: { prefill: number; step: (call: number) => number }) {
  let now = 100;
  const calls: string[] = [];
  let steps = 0;
  const model: Generator = {
    facts: {
      modelBytes: null,
      parameters: null,
      kvCacheBytes: null,
      engineFiles: [],
      vocabularySize: 50,
      contextLength: 1000,
      environment: {},
    },
    reset: (keep) => calls.push(`reset ${keep}`) > 0,
    prefill(tokens) {
      calls.push(`prefill ${tokens.length}x${tokens[0]!.length}`);
      now += seconds.prefill;
    },
    steps: (tokens) =>
      Float64Array.from(tokens, (step) => {
        calls.push(`step ${step.length}`);
        now += seconds.step(steps++);
        return now;
      }),
    warnings: [],
    close: () => {},
  };
  const phases: Phase[] = [];
  const context = (
    measure: Partial<MeasurePolicy> = {},
    rest: Partial<WorkloadContext> = {},
  ): WorkloadContext => ({
    measure: { ...QUICK, ...measure },
    minPhaseSeconds: 0,
    stamp: (name, repeat, startSeconds, endSeconds, tokens, times) =>
      void phases.push({
        name,
        repeat,
        startSeconds,
        endSeconds,
        tokens,
        ...(times !== undefined && { times }),
      }),
    now: () => now,
    stopReason: () => null,
    checkStop: async () => false,
    ...rest,
  });
  return { model, calls, phases, context };
}

/** Runs the workload at a point, as the child of a trial does. */
const run = (model: Generator, asked: Options, context: WorkloadContext) =>
  latency.plan(asked).run(model, context, null);

const options = (changes: Options = {}): Options => ({
  promptTokens: 10,
  generateTokens: 3,
  parallel: 2,
  contextDepth: 0,
  ...changes,
});

async function refusal(work: () => unknown): Promise<Failure> {
  try {
    await work();
  } catch (error) {
    return toFailure(error);
  }
  throw new Error('nothing was refused');
}

describe('a repeat', () => {
  test('is a prefill per sequence and exactly so many batched steps, each one timed', async () => {
    const { model, calls, phases, context } = world({ prefill: 2, step: (call) => 1 + call });
    const outcome = await run(model, options(), context({ maxWarmups: 0, minRepeats: 1, maxRepeats: 1 }));
    expect(calls).toEqual(['reset 0', 'reset 0', 'prefill 2x10', 'step 2', 'step 2', 'step 2']);
    expect(phases).toEqual([
      { name: 'prefill', repeat: 0, startSeconds: 100, endSeconds: 102, tokens: 20 },
      { name: 'decode', repeat: 0, startSeconds: 102, endSeconds: 108, tokens: 6 },
    ]);
    expect(outcome).toMatchObject({
      repeats: 1,
      tokenSeconds: [[1, 2, 3]],
      stop: 'max-repeats',
      halfWidth: null,
    });
  });

  test('without a prompt is decode alone, without generation prefill alone', async () => {
    const once = { maxWarmups: 0, minRepeats: 1, maxRepeats: 1 };
    const decode = world({ prefill: 2, step: () => 1 });
    await run(decode.model, options({ promptTokens: 0 }), decode.context(once));
    expect(decode.phases.map(({ name }) => name)).toEqual(['decode']);
    expect(decode.calls).not.toContain('prefill 2x0');
    const prefill = world({ prefill: 2, step: () => 1 });
    const outcome = await run(prefill.model, options({ generateTokens: 0 }), prefill.context(once));
    expect(prefill.phases.map(({ name }) => name)).toEqual(['prefill']);
    expect(outcome.tokenSeconds).toEqual([[]]);
  });

  test('at a depth keeps what was evaluated once, before the warm-up', async () => {
    const { model, calls, phases, context } = world({ prefill: 2, step: () => 1 });
    await run(model, options({ contextDepth: 100 }), context({ minRepeats: 1, maxRepeats: 2 }));
    expect(calls.filter((call) => call === 'prefill 2x100')).toHaveLength(1);
    expect(calls[1]).toBe('prefill 2x100');
    expect(calls.filter((call) => call.startsWith('reset'))).toEqual([
      'reset 0',
      'reset 100',
      'reset 100',
      'reset 100',
    ]);
    expect(phases[0]).toMatchObject({ name: 'warm-up', repeat: null, tokens: 200 });
    expect(latency.plan(options({ contextDepth: 100 })).demands).toEqual({
      contextTokens: 113,
      sequences: 2,
    });
  });
});

describe('the warm-up', () => {
  test('ends when three rounds agree', async () => {
    // Rounds of three steps: slow, slower, then steady.
    const { model, context } = world({ prefill: 0, step: (call) => (call < 6 ? 5 - call * 0.5 : 1) });
    const outcome = await run(model, options(), context({ warmupSpread: 0.01, maxWarmups: 20 }));
    expect(outcome).toMatchObject({ warmups: 5, warmupSettled: true });
  });

  test('ends at its limit and says that it had not settled', async () => {
    const { model, context } = world({ prefill: 0, step: (call) => 1 + (Math.floor(call / 3) % 2) });
    const outcome = await run(model, options(), context({ warmupSpread: 0.01, maxWarmups: 4 }));
    expect(outcome).toMatchObject({ warmups: 4, warmupSettled: false });
  });
});

describe('repeating', () => {
  test('ends when the interval of both rates is narrow', async () => {
    const { model, context } = world({ prefill: 1, step: () => 1 });
    const outcome = await run(model, options(), context({ halfWidth: 0.01, minRepeats: 3, maxRepeats: 50 }));
    expect(outcome).toMatchObject({ repeats: 3, stop: 'interval-narrow', halfWidth: 0 });
  });

  test('ends with its budget', async () => {
    const { model, context } = world({ prefill: 1, step: (call) => 1 + (call % 2) });
    const outcome = await run(
      model,
      options(),
      context({ halfWidth: 1e-9, minRepeats: 2, maxRepeats: 1000, maxSeconds: 30, maxWarmups: 0 }),
    );
    expect(outcome.stop).toBe('time-budget');
    expect(outcome.repeats).toBeLessThan(10);
  });

  test('ends between two repeats when it is stopped', async () => {
    const { model, calls, context } = world({ prefill: 1, step: () => 1 });
    let rests = 0;
    const checkStop = async () => ++rests === 2;
    const stopped = await refusal(() =>
      run(model, options(), context({ minRepeats: 9, maxRepeats: 9, maxWarmups: 0 }, { checkStop })),
    );
    expect(stopped.code).toBe('cancelled');
    expect(calls.filter((call) => call.startsWith('prefill'))).toHaveLength(2);
  });
});

describe('work that is too short for the energy source', () => {
  const short = { maxWarmups: 0, minRepeats: 2, maxRepeats: 2 };
  const lengthenedOf = (phases: readonly Phase[]) => phases.filter(({ name }) => name.startsWith('energy-'));

  test('is repeated without a pause until the source can resolve it, three times each', async () => {
    const { model, calls, phases, context } = world({ prefill: 0.25, step: () => 0.125 });
    await run(model, options({ contextDepth: 5 }), context(short, { minPhaseSeconds: 2 }));
    const found = lengthenedOf(phases);
    expect(found.map(({ name, repeat }) => `${name} ${repeat}`)).toEqual([
      'energy-prefill 0',
      'energy-decode 0',
      'energy-prefill 1',
      'energy-decode 1',
      'energy-prefill 2',
      'energy-decode 2',
    ]);
    // 2.2 s of 0.25 s are nine prefills of 20 tokens, of 0.375 s six decodes of 6.
    expect(found[0]).toMatchObject({ times: 9, tokens: 180 });
    expect(found[1]).toMatchObject({ times: 6, tokens: 36 });
    for (const { startSeconds, endSeconds } of found) expect(endSeconds - startSeconds).toBeGreaterThan(2);
    // Each decode begins behind the prompt, each prefill behind the depth.
    const after = calls.slice(calls.lastIndexOf('reset 15') + 1);
    expect(after).toEqual(['step 2', 'step 2', 'step 2']);
    expect(calls.filter((call) => call === 'reset 15')).toHaveLength(18);
  });

  test('phases that are long enough are left alone, and so is everything without a source', async () => {
    const { model, phases, context } = world({ prefill: 0.25, step: () => 1 });
    await run(model, options(), context(short, { minPhaseSeconds: 2 }));
    expect(new Set(lengthenedOf(phases).map(({ name }) => name))).toEqual(new Set(['energy-prefill']));
    const none = world({ prefill: 0.25, step: () => 1 });
    await run(none.model, options(), none.context(short));
    expect(lengthenedOf(none.phases)).toEqual([]);
  });

  test('as often as the sweep says, and beyond a window of each within its budget of time', async () => {
    const { model, phases, context } = world({ prefill: 0.25, step: () => 0.125 });
    await run(model, options(), context({ ...short, energyWindows: 1 }, { minPhaseSeconds: 2 }));
    expect(lengthenedOf(phases)).toHaveLength(2);
    const hurried = world({ prefill: 0.25, step: () => 0.125 });
    await run(
      hurried.model,
      options(),
      hurried.context({ ...short, maxSeconds: 0.5 }, { minPhaseSeconds: 2 }),
    );
    expect(lengthenedOf(hurried.phases).map(({ name }) => name)).toEqual(['energy-prefill', 'energy-decode']);
  });

  test.each<[string, () => boolean]>([
    [
      'cannot be cut back',
      () => {
        throw failed('model-unsupported', 'it cannot be cut back');
      },
    ],
    // Its prompt would be in every window of decoding.
    ['is computed anew instead', () => false],
  ])('a cache that %s keeps its decode as it is', async (_, cutBack) => {
    const { model, phases, context } = world({ prefill: 0.25, step: () => 0.125 });
    const bound: Generator = { ...model, reset: (keep) => keep === 0 || cutBack() };
    const outcome = await run(bound, options(), context(short, { minPhaseSeconds: 2 }));
    expect(outcome.repeats).toBe(2);
    expect(lengthenedOf(phases).map(({ name }) => name)).toEqual([
      'energy-prefill',
      'energy-prefill',
      'energy-prefill',
    ]);
  });
});

test.each<[Options]>([
  [{ promptTokens: 0, generateTokens: 0 }],
  [{ promptTokens: -1 }],
  [{ generateTokens: 1.5 }],
  [{ parallel: 0 }],
  [{ contextDepth: 'deep' }],
])('%j is refused', async (changes) => {
  expect((await refusal(() => latency.plan(options(changes)))).code).toBe('impossible-combination');
});

test('the tokens are the same every time, differ between sequences, and avoid the special ones', () => {
  const counts = { promptTokens: 500, generateTokens: 20, sequences: 2, contextDepth: 3 };
  const plan = tokenPlan(50, counts);
  expect(tokenPlan(50, counts)).toEqual(plan);
  expect(plan.prompt[0]).not.toEqual(plan.prompt[1]);
  const all = [...plan.prompt, ...plan.depth, ...plan.steps].flatMap((tokens) => [...tokens]);
  expect(Math.min(...all)).toBe(3);
  expect(Math.max(...all)).toBe(49);
  expect(plan.steps).toHaveLength(20);
  expect(plan.steps[0]).toHaveLength(2);
  // A vocabulary of nothing but special tokens is used as it is.
  expect([...tokenPlan(2, counts).prompt[0]!].every((token) => token === 0 || token === 1)).toBe(true);
});
