import { describe, expect, test } from 'vitest';
import type { ModelFacts } from '../../../core/experiment/experiment.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { planSpace } from '../../../core/sweep/space.js';
import type { Sweep } from '../../../core/sweep/spec.js';
import { withinContext } from '../../../core/sweep/within-context.js';
import { SMALL_FACTS } from '../../support/experiments.js';
import { sound } from '../../support/reading.js';

const facts = (contextLength: number | null): ModelFacts => ({ ...SMALL_FACTS, contextLength });

/** Parses a `spec` whose models have these contexts, in order. */
function read(spec: string, ...contexts: (number | null)[]): { document: string; sweep: Sweep } {
  const document = `apiVersion: ridgepoint.dev/v1\nkind: Sweep\nmetadata: { name: s }\nspec: ${spec}\n`;
  const parsed = sound(parseSweep(document));
  const models = parsed.sweep.models.map((model, i) => ({ ...model, facts: facts(contexts[i] ?? null) }));
  return { document, sweep: { ...parsed.sweep, models } };
}

const chosenFor = (spec: string, ...contexts: (number | null)[]) => {
  const { document, sweep } = read(spec, ...contexts);
  return withinContext(document, sweep);
};

describe('what a sweep leaves open is chosen for the context of its models', () => {
  test('a model alone: half of the context is the prompt, a quarter the answer, and every point can run', () => {
    const found = chosenFor('{ models: a.gguf }', 256);
    expect(found?.chosen).toEqual(['promptTokens 128', 'generateTokens 64']);
    expect(planSpace(found!.sweep)).toMatchObject({ count: 1, impossible: [] });
    expect(planSpace(read('{ models: a.gguf }', 256).sweep)).toMatchObject({ count: 0 });
  });

  test('the document that is submitted says what was chosen, and means the same sweep', () => {
    const found = chosenFor('{ models: a.gguf, objectives: { modelBytes: min } }', 300)!;
    const parsed = sound(parseSweep(found.document));
    expect(parsed.sweep.workloads).toEqual(found.sweep.workloads);
    expect(parsed.sweep.objectives).toEqual([{ metric: 'modelBytes', better: 'min' }]);
  });

  test('the shortest of several contexts decides for all models', () => {
    expect(chosenFor('{ models: [a.gguf, b.gguf] }', 4096, 64)).toMatchObject({
      model: 'b',
      contextLength: 64,
      chosen: ['promptTokens 32', 'generateTokens 16'],
    });
  });

  test('what is written stays: only what is open gives way', () => {
    const workload = (options: string) => `{ models: a.gguf, workloads: [{ kind: latency, ${options} }] }`;
    expect(chosenFor(workload('generateTokens: [8, 56]'), 256)?.chosen).toEqual(['promptTokens 200']);
    expect(chosenFor(workload('promptTokens: "64-128*2"'), 192)?.chosen).toEqual(['generateTokens 64']);
    expect(chosenFor(workload('contextDepth: 156'), 256)?.chosen).toEqual([
      'promptTokens 50',
      'generateTokens 25',
    ]);
    expect(chosenFor(workload('promptTokens: 200, generateTokens: 100'), 256)).toBeNull();
    expect(chosenFor(workload('promptTokens: 256'), 256)).toBeNull();
  });

  test('each of several workloads by its own rule, and windows of quality', () => {
    const spec =
      '{ models: a.gguf, workloads: [{ kind: latency, promptTokens: 8, generateTokens: 8 }, { kind: finetune }], quality: { text: builtin:sample } }';
    expect(chosenFor(spec, 100)?.chosen).toEqual(['windowTokens 100', 'contextTokens 100']);
    expect(chosenFor(spec, 512)).toBeNull();
  });

  test('nothing is chosen where the defaults fit, no context is known, or no model is opened', () => {
    expect(chosenFor('{ models: a.gguf }', 640)).toBeNull();
    expect(chosenFor('{ models: a.gguf }', null)).toBeNull();
    expect(chosenFor('{ models: a.gguf, runners: [{ kind: fake }] }', 64)).toBeNull();
  });
});
