import fc from 'fast-check';
import type { ModelFacts } from '../../../core/sweep/experiment.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import type { Sweep } from '../../../core/sweep/spec.js';

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
  const parsed = parseSweep(source);
  if (!parsed.ok) throw new Error(parsed.mistakes.map((m) => `${m.path}: ${m.message}`).join('\n'));
  return parsed.sweep;
}

export const FACTS: ModelFacts = {
  architecture: 'llama',
  parameters: 8_000_000,
  bytes: 16_000_000,
  quantization: 'f16',
  layers: 8,
  contextLength: 512,
  keyElementsPerToken: 1024,
  valueElementsPerToken: 1024,
  vocabularySize: 4096,
  embeddingLength: 256,
};

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

const selector = fc.record(
  {
    model: some('a', 'b'),
    quantization: some('base', 'f16', 'q8_0'),
    flashAttention: some(true, false),
    kvCacheTypeV: some('f16', 'q8_0'),
    fakeJitter: some(0, 0.25),
    promptTokens: some(0, 64, 128),
    parallel: some(1, 4, 8),
    runner: some('llama-cpp', 'fake'),
    device: some('cpu', 'cuda'),
  },
  { requiredKeys: [] },
);

const spec = fc.record(
  {
    models: fc.constantFrom(['a'], ['a', 'b']),
    techniques: fc.record({ quantization: some('base', 'f16', 'q8_0') }, { requiredKeys: [] }),
    runners: fc.array(runner, { minLength: 1, maxLength: 2 }),
    workloads: fc.array(workload, { minLength: 1, maxLength: 2 }),
    zip: fc.subarray([
      ['kvCacheTypeK', 'kvCacheTypeV'],
      ['promptTokens', 'parallel'],
    ]),
    include: fc.array(selector, { maxLength: 2 }),
    exclude: fc.array(selector, { maxLength: 2 }),
    placement: fc.record({ device: some('cpu', 'cuda') }, { requiredKeys: [] }),
  },
  { requiredKeys: ['models', 'runners', 'workloads'] },
);

/** Sweep files, most of them good: blocks, zips, include and exclude of a few hundred points. */
export const documents: fc.Arbitrary<Document> = spec.map((s) => ({
  apiVersion: 'ridgepoint.dev/v1',
  kind: 'Sweep',
  metadata: { name: 'random' },
  spec: s,
}));

/** Good sweeps; one model has facts, so that rules about models apply to it. */
export const sweeps: fc.Arbitrary<Sweep> = documents
  .map((document) => parseSweep(JSON.stringify(document)))
  .filter((parsed) => parsed.ok)
  .map((parsed) => ({
    ...parsed.sweep,
    models: parsed.sweep.models.map((model) => (model.name === 'b' ? { ...model, facts: FACTS } : model)),
  }));
