import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { resolveModel } from '../../../artifacts/files/resolve.js';
import { stepsFor } from '../../../artifacts/techniques/index.js';
import { filesLine, filesTable, plannedFiles } from '../../../cli/plan/files.js';
import { planSpace } from '../../../core/sweep/space.js';
import { chainOf } from '../../../core/techniques/chain.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import { file, sweepOf } from '../sweep/documents.js';

const settings = { modelFolders: [], cacheFolder: mkdtempSync(join(tmpdir(), 'ridgepoint-plan-')) };
afterAll(() => rmSync(settings.cacheFolder, { recursive: true, force: true }));
const small = await resolveModel('builtin:small', settings);
const { facts } = small;
const spaceOf = (spec: Record<string, unknown>, known = true) => {
  const workloads = { kind: 'latency', promptTokens: 64, generateTokens: 16 };
  const sweep = sweepOf(file({ models: 'builtin:small', workloads, ...spec }));
  return planSpace({
    ...sweep,
    models: sweep.models.map((model) => ({ ...model, facts: known ? facts : null })),
  });
};

describe('files that a plan says must be made', () => {
  test('are counted once however many points share them', () => {
    const space = spaceOf({
      techniques: { quantization: ['base', 'f16', 'q8_0', 'q4_k_m'], sparsity: ['none', 'magnitude:50%'] },
      runners: { kind: 'llama-cpp', threads: [1, 2, 3] },
    });
    const files = plannedFiles(space) ?? [];
    // Dense: q8_0 and q4_k_m. Pruned: itself (which base and f16 run), and the two made from it.
    expect(files.map(({ recipe, runBy, neededBy }) => [recipe, runBy, neededBy])).toEqual([
      ['prune(magnitude:50%)', 6, 12],
      ['quantize(q8_0)', 3, 3],
      ['prune(magnitude:50%) → quantize(q8_0)', 3, 3],
      ['quantize(q4_k_m)', 3, 3],
      ['prune(magnitude:50%) → quantize(q4_k_m)', 3, 3],
    ]);
    const size = (recipe: string) => files.find((one) => one.recipe === recipe)?.bytes ?? 0;
    expect(size('prune(magnitude:50%)')).toBe(facts.bytes);
    // What llama.cpp really makes of it: 9,027,168 and 5,339,744 bytes.
    expect(size('quantize(q8_0)') / 9_027_168).toBeCloseTo(1, 1);
    expect(size('quantize(q4_k_m)') / 5_339_744).toBeCloseTo(1, 1);
    expect(filesLine(files, space.count)).toMatch(
      /^ {2}files to make: 5 for 18 of 24 points, about \d+\.\d MB in the cache; 6 run the model as it is$/,
    );
    expect(filesTable(files, 2).split('\n')).toHaveLength(3);
  });

  test('are none for a sweep of run-time options, and uncounted for a billion points', () => {
    const none = spaceOf({ runners: { kind: 'llama-cpp', threads: [1, 2] } });
    expect(plannedFiles(none)).toEqual([]);
    expect(filesLine([], none.count)).toBeNull();
    const many = spaceOf(
      { workloads: { kind: 'latency', promptTokens: '1-400', generateTokens: '1-400' } },
      false,
    );
    expect(plannedFiles(many)).toBeNull();
    expect(filesLine(null, many.count)).toContain('not counted');
  });

  test('without the model’s header have no size', () => {
    const space = spaceOf({ techniques: { quantization: ['q8_0'] } }, false);
    expect(plannedFiles(space)).toEqual([
      { model: 'small', recipe: 'quantize(q8_0)', bytes: null, runBy: 1, neededBy: 1 },
    ]);
    expect(filesLine(plannedFiles(space), 1)).toBe('  files to make: 1 for 1 of 1 points');
  });

  test.each([
    {},
    { quantization: 'f16' },
    { quantization: 'q4_k_m' },
    { adapter: 'builtin:small-pgdoc-r4' },
    { adapter: 'builtin:small-pgdoc-r4?mode=merged' },
    { sparsity: 'dsnot:50%', quantization: 'q4_k_m' },
    { attention: 'kv-heads:1', quantization: 'q8_0' },
    { attention: 'kv-heads:2' },
    { attention: 'window:128', sparsity: 'wanda:50%', quantization: 'q4_k_m' },
    { sparsity: 'magnitude:2:4', adapter: 'builtin:small-pgdoc-r4?mode=merged', quantization: 'q8_0' },
  ])('are those of the agent’s steps for %o', async (choice) => {
    const technique = { ...UNCHANGED, ...choice };
    const request = { base: small, modelName: 'small', runnerKind: 'llama-cpp', engine: 'v0.4.0', settings };
    const steps = await stepsFor({ ...request, technique });
    const recipes = (of: readonly { readonly recipe: string }[]) => of.map(({ recipe }) => recipe);
    expect(recipes(chainOf(technique, facts, ['gguf']))).toEqual(recipes(steps));
  });
});
