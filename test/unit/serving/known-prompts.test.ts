import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { serving } from '../../../agent/workloads/serving.js';
import type { WorkloadContext } from '../../../agent/workloads/workload.js';
import { judge } from '../../../batching/judge.js';
import { PROFILES } from '../../../core/runners/server/index.js';
import { knownBefore, sharedByOptions } from '../../../core/serving/prefix-hits.js';
import type { ServingRecord } from '../../../core/serving/record.js';
import { commonLength, sharedBeginnings } from '../../../core/serving/shared-beginnings.js';
import { serving as kind } from '../../../core/workloads/serving.js';
import type { simulatorOptions } from '../../../load/simulator/options.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { forAll } from '../../support/for-all.js';
import { withSimulator } from '../../support/simulator.js';
import { calmInput, experiment } from '../judgement/trace.js';

test('what prompts have in common with what was computed before them is as by comparing each with all', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 });
  forAll(500, [fc.array(fc.tuple(text, text), { maxLength: 12 })], (pairs) => {
    const texts = pairs.map(([prompt, answer]) => ({ prompt, computed: prompt + answer }));
    const slowly = texts.map(({ prompt }, i) =>
      Math.max(0, ...texts.slice(0, i).map(({ computed }) => commonLength(prompt, computed))),
    );
    expect(sharedBeginnings(texts)).toEqual(slowly);
  });
});

type Simulated = Parameters<typeof simulatorOptions>[0];

/** Each is a start: the workload anew, at the same server. @returns records, and what is judged of each. */
async function starts(simulator: Simulated, workloads: readonly object[]) {
  return await withSimulator({ ttft: 0.001, itl: 0, prefill: 20_000, ...simulator }, async ({ url }) => {
    const profile = PROFILES[simulator?.speaks === 'vLLM' ? 'vllm' : 'simulated-server'];
    const served = {
      name: 'test',
      url,
      model: 'simulated',
      loras: [],
      apiKey: null,
      pid: null,
      startSeconds: null,
      weightsLoadSeconds: null,
      kept: true,
      profile,
    };
    const facts = {
      modelBytes: null,
      parameters: null,
      kvCacheBytes: null,
      engineFiles: [],
      environment: {},
    };
    const context: WorkloadContext = {
      measure: {} as WorkloadContext['measure'],
      minPhaseSeconds: 0,
      stamp() {},
      now: monotonicSeconds,
      stopReason: () => null,
      checkStop: async () => false,
    };
    const found: ReturnType<typeof judgedOf>[] = [];
    for (const workload of workloads) {
      const options = {
        requests: 8,
        warmupRequests: 1,
        inputTokens: 100,
        outputTokens: 8,
        audit: false,
        ...workload,
      };
      const input = { promptsPath: null, tokenizerPath: null };
      const opened = { facts, served, warnings: [], close() {} };
      const { findings } = await serving.plan(options).run(opened, context, input);
      found.push(judgedOf((findings as { record: ServingRecord }).record, options));
    }
    return found;
  });
}

function judgedOf(record: ServingRecord, options: (typeof experiment)['workload']['options']) {
  const judged = judge({
    ...calmInput({
      experiment: {
        ...experiment,
        runner: { kind: 'simulated-server', options: {} },
        workload: { kind: 'serving', options },
      },
    }),
    phases: [{ name: 'serve', repeat: 0, startSeconds: 1, endSeconds: 11, tokens: 64 }],
    tokenSeconds: [],
    serving: record,
  });
  const said = judged.warnings.filter(({ code }) => code === 'prompts-known');
  return {
    record,
    hits: judged.measurements.prefixCacheHitRatio!.value,
    said: said.map(({ message }) => message),
    valid: judged.valid,
  };
}

describe.each<[string, Simulated]>([
  ['of each request', { keeps: 'beginnings' }],
  ['in its counters', { keeps: 'beginnings', speaks: 'vLLM' }],
])('a server that tells hits %s', (_, simulator) => {
  test('has none between starts, whose prompts are others of the same lengths', async () => {
    const lengths = { inputTokens: 'uniform:20..90', concurrency: 4 };
    const all = await starts(simulator, [lengths, lengths, { ...lengths, sharedPrefix: 0 }]);
    for (const { hits, said } of all) {
      expect(hits).toBeLessThan(0.03);
      expect(said).toEqual([]);
    }
    const tokens = all.map(({ record }) => record.requests.usage.map((usage) => usage?.promptTokens));
    expect(tokens[1]).toEqual(tokens[0]);
    expect(new Set(all.map(({ record }) => record.promptSalt)).size).toBe(3);
  });

  test('has those that the load shares, in conversations also of answers', async () => {
    const [shared, turns] = await starts(simulator, [{ sharedPrefix: 0.5 }, { turns: 4, inputTokens: 40 }]);
    expect(shared!.hits).toBeGreaterThan(0.3);
    expect(shared!.hits).toBeLessThanOrEqual(shared!.record.sharedPromptTokens! / 800);
    expect(turns!.hits).toBeGreaterThan(0.5);
    expect([shared, turns].map((one) => one!.said)).toEqual([[], []]);
  });

  test('makes a start invalid by those of another: prompts that a sweep has sent again', async () => {
    const again = { promptSalt: 'the-same' };
    const [first, second, shared] = await starts(simulator, [again, again, { ...again, sharedPrefix: 0.5 }]);
    expect(first!.said).toEqual([]);
    expect(second!.valid).toBe(false);
    expect(second!.said).toEqual([
      expect.stringMatching(/^9[69]\.0 % of the prompt tokens were in .*, and the load shares [01]\.. %: /),
    ]);
    expect(shared!.said).toEqual([]);
    expect(first!.record.promptSalt).toBe('the-same');
  });
});

describe('prompts whose tokens nobody counted', () => {
  const knownOf = (hits: number, options: object) => {
    const shared = sharedByOptions(kind.options.parse(options));
    return shared === null ? null : knownBefore(hits, shared);
  };

  test('were known by hits beyond what the options share', () => {
    expect(knownOf(0.992, {})).toMatch(/^99\.2 % of the prompt tokens were in the server's prefix cache/);
    expect(knownOf(0.992, { sharedPrefix: 0.5 })).not.toBeNull();
    expect(knownOf(0.992, { api: 'chat' })).not.toBeNull();
  });

  test.each([
    ['that the sweep shares', 0.49, { sharedPrefix: 0.5 }],
    ['of one token in all prompts', 1 / 129, {}],
    ['of conversations', 0.8, { turns: 4 }],
    ['of a trace', 0.8, { arrival: 'trace', trace: 'mooncake.jsonl' }],
    ['of a dataset', 0.8, { promptDataset: 'prompts.jsonl' }],
  ])('hits %s tell nothing', (_, hits, options) => {
    expect(knownOf(hits, options)).toBeNull();
  });
});
