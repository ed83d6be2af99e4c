import fc from 'fast-check';
import type { ModelFacts } from '../../../core/experiment/experiment.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import type { Sweep } from '../../../core/sweep/spec.js';
import { SMALL_FACTS } from '../../support/experiments.js';
import { sound } from '../../support/reading.js';

export type Document = Record<string, unknown>;

/** @returns a sweep file around a spec, as JSON (which is YAML). */
export function file(spec: Document, rest: Document = {}): string {
  return JSON.stringify({
    apiVersion: 'ridgepoint.dev/v1',
    kind: 'Sweep',
    metadata: { name: 'test' },
    spec: { models: ['a.gguf'], ...spec },
    ...rest,
  });
}

/** @returns the sweep of a text that must be one. */
export function sweepOf(source: string): Sweep {
  return sound(parseSweep(source)).sweep;
}

export const FACTS: ModelFacts = { ...SMALL_FACTS, parameters: 8_000_000, bytes: 16_000_000 };

const some = <T>(...values: T[]) => fc.subarray(values, { minLength: 1 });

const runner = fc.oneof(
  fc.record(
    {
      kind: fc.constant('llama-cpp'),
      flashAttention: some<boolean | string>(true, false, 'auto'),
      kvCacheTypeK: some('f16', 'q8_0'),
      kvCacheTypeV: some('f16', 'q8_0', 'q4_0'),
      batch: some(8, 64, 256),
      ubatch: some(16, 64),
    },
    { requiredKeys: ['kind'] },
  ),
  fc.record({ kind: fc.constant('fake'), fakeJitter: some(0, 0.01, 0.5) }, { requiredKeys: ['kind'] }),
);

const workload = fc.record(
  {
    kind: fc.constant('latency'),
    promptTokens: some(0, 64, 256, 500),
    generateTokens: some(0, 32, 128),
    parallel: some(1, 4, 16),
    contextDepth: some(0, 100, 400),
  },
  { requiredKeys: ['kind'] },
);

const named = <T>(axis: string, ...values: T[]) => fc.tuple(fc.constant(axis), some<unknown>(...values));
const selector = fc
  .uniqueArray(
    fc.oneof(
      named('model', 'a', 'b'),
      named('quantization', 'base', 'f16', 'q8_0'),
      named<unknown>('flashAttention', true, 'auto'),
      named('kvCacheTypeV', 'f16', 'q8_0'),
      named('fakeJitter', 0, 0.01),
      named('promptTokens', 0, 64, 512),
      named('parallel', 1, 4),
      named('contextDepth', 0, 100),
      named('runner', 'llama-cpp', 'fake'),
      named('device', 'cpu'),
      named('powerCapWatts', null, 300),
    ),
    { selector: ([axis]) => axis, minLength: 1, maxLength: 2 },
  )
  .map((entries) => Object.fromEntries(entries));

const spec = fc.record(
  {
    models: fc.constantFrom(['a'], ['a', 'b']),
    techniques: fc.record({ quantization: some('base', 'f16', 'q8_0') }, { requiredKeys: [] }),
    runners: fc.array(runner, { minLength: 1, maxLength: 2 }),
    workloads: fc.array(workload, { minLength: 1, maxLength: 2 }),
    device: fc.record(
      { powerCapWatts: some(null, 300), lockedClockHertz: some(null, 1.2e9) },
      { requiredKeys: [] },
    ),
    placement: fc.record(
      {
        device: some('cpu', 'cuda'),
        nodeSelector: fc.record({ zone: some('lab', 'office'), gpu: some('h100') }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ['models', 'runners', 'workloads'] },
);

/** Constraints to try on a sweep; those it has no use for are dropped. */
const constraints = fc.array(
  fc.oneof(
    fc.record({ zip: fc.constantFrom(['kvCacheTypeK', 'kvCacheTypeV'], ['promptTokens', 'parallel']) }),
    fc.record({
      zip: fc.constantFrom(['model', 'quantization'], ['promptTokens', 'flashAttention', 'batch']),
    }),
    fc.record({ include: selector }),
    fc.record({
      points: fc.tuple(selector, fc.nat()).map(([at, n]) => ({
        name: `point ${n}`,
        ...Object.fromEntries(Object.entries(at).map(([axis, values]) => [axis, values[0]])),
      })),
    }),
    fc.record({ exclude: selector }),
  ),
  { maxLength: 8 },
);

const join = (spec: Document, wish: object): Document => {
  const [[section, value]] = Object.entries(wish) as [[string, unknown]];
  return { ...spec, [section]: [...((spec[section] as unknown[]) ?? []), value] };
};

/** Files of good structure, whose constraints may make no sense. */
export const structures: fc.Arbitrary<Document> = fc
  .tuple(spec, constraints)
  .map(([start, wishes]) => JSON.parse(file(wishes.reduce(join, start as Document))) as Document);

/** Good sweep files: blocks, zips, include and exclude of up to some thousand points. */
export const documents: fc.Arbitrary<Document> = fc.tuple(spec, constraints).map(([start, wishes]) => {
  let good: Document = { ...start };
  for (const wish of wishes) {
    const next = join(good, wish);
    if (parseSweep(file(next)).ok) good = next;
  }
  return JSON.parse(file(good)) as Document;
});

/** Good sweeps; one model has facts, so that rules about models apply to it. */
export const sweeps: fc.Arbitrary<Sweep> = documents.map((document) => {
  const sweep = sweepOf(JSON.stringify(document));
  return {
    ...sweep,
    models: sweep.models.map((model) => (model.name === 'b' ? { ...model, facts: FACTS } : model)),
  };
});
