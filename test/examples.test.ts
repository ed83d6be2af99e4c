import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { resolveModel } from '../artifacts/files/resolve.js';
import { experimentAt } from '../core/sweep/expand.js';
import { parseSweep } from '../core/sweep/parse.js';
import { planSpace } from '../core/sweep/space.js';
import { permute } from '../statistics/permutation.js';
import { SMALL_FACTS } from './support/experiments.js';
import { sound } from './support/reading.js';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'docs/examples');
const schema = JSON.parse(readFileSync(join(root, 'schemas/sweep.schema.json'), 'utf8')) as object;
const validate = new Ajv2020({ strict: true, strictTypes: false }).compile(schema);

/** How many points each example has, so that a change of meaning is seen. */
const POINTS: Record<string, number> = {
  'adapters.yaml': 10,
  'attention.yaml': 5,
  'eviction.yaml': 4,
  'billion.yaml': 1_000_000_000,
  'context-depth.yaml': 9,
  'dsnot-table.yaml': 37,
  'fake.yaml': 16,
  'frontier.yaml': 1296,
  'kernels.yaml': 72,
  'kv-cache.yaml': 12,
  'named-points.yaml': 4,
  'papers/code.yaml': 2,
  'papers/dissecting-gemm.yaml': 40,
  'papers/dissecting-modules.yaml': 8,
  'papers/dissecting-serving.yaml': 3,
  'papers/dsnot-paper.yaml': 64,
  'papers/early-exit.yaml': 5,
  'papers/efficientllm-attention.yaml': 12,
  'papers/efficientllm-moe.yaml': 12,
  'papers/efficientllm-peft.yaml': 12,
  'papers/efficientllm-quantization.yaml': 3,
  'papers/first.yaml': 2,
  'papers/generation.yaml': 2,
  'papers/judging.yaml': 2,
  'papers/long-context.yaml': 8,
  'papers/multilingual.yaml': 3,
  'papers/multiple-choice.yaml': 4,
  'papers/parrot-agents.yaml': 3,
  'papers/parrot-chain.yaml': 3,
  'papers/parrot-copilot.yaml': 3,
  'papers/parrot-map-reduce.yaml': 3,
  'papers/peak-performance.yaml': 12,
  'papers/retrieval.yaml': 2,
  'papers/routing.yaml': 4,
  'papers/smartbench.yaml': 2,
  'power-caps.yaml': 10,
  'quickstart.yaml': 12,
  'serving.yaml': 24,
  'sglang.yaml': 45,
  'simulate.yaml': 6,
  'speculative.yaml': 16,
  'synthetic.yaml': 6,
  'techniques.yaml': 36,
  'threads.yaml': 16,
  'three-engines.yaml': 10,
  'vllm-h100.yaml': 180,
};

describe('docs/examples', () => {
  test('are all known here', () => {
    expect(readdirSync(folder).sort()).toEqual(
      [
        ...Object.keys(POINTS).filter((name) => !name.includes('/')),
        'gpus',
        'graphs',
        'judges',
        'papers',
        'ranking',
        'roofline',
        'scorers',
        'systemd',
        'tasks',
      ].sort(),
    );
  });

  test.each(Object.entries(POINTS))(
    '%s is a sweep of %i points that says what it answers',
    (name, points) => {
      const source = readFileSync(join(folder, name), 'utf8');
      const schemas = name.includes('/') ? '../../../schemas' : '../../schemas';
      expect(source.split('\n')[0]).toBe(`# yaml-language-server: $schema=${schemas}/sweep.schema.json`);
      expect(source).toMatch(/^# .*\?/m);
      const parsed = sound(parseSweep(source));
      expect(parsed.sweep.name).toBe(basename(name, '.yaml'));
      expect(validate(parse(source)), JSON.stringify(validate.errors)).toBe(true);
      const space = planSpace(parsed.sweep);
      expect(space.count).toBe(points);
      expect(space.unchecked).toEqual([]);
      for (const position of [0, Math.floor(points / 3), points - 1]) {
        const drawn = permute(position, points, parsed.sweep.placement.seed);
        expect(space.indexOf(experimentAt(space, drawn))).toBe(drawn);
      }
    },
  );

  test('those on the shipped models fit their context of 512 tokens', () => {
    const others = ['billion.yaml', 'sglang.yaml', 'synthetic.yaml', 'vllm-h100.yaml'];
    for (const name of Object.keys(POINTS).filter((name) => !others.includes(name))) {
      const parsed = sound(parseSweep(readFileSync(join(folder, name), 'utf8')));
      const models = parsed.sweep.models.map((model) => ({ ...model, facts: SMALL_FACTS }));
      expect(planSpace({ ...parsed.sweep, models }).count, name).toBe(POINTS[name]);
    }
  });

  test('synthetic.yaml fits its models, whose facts are known before they are written', async () => {
    const parsed = sound(parseSweep(readFileSync(join(folder, 'synthetic.yaml'), 'utf8')));
    const cacheFolder = join(folder, 'is-not-written');
    const models = await Promise.all(
      parsed.sweep.models.map(async (model) => {
        const { facts, digest, path } = await resolveModel(model.source, { modelFolders: [], cacheFolder });
        expect(path).toBeNull();
        return { ...model, facts, digest };
      }),
    );
    const space = planSpace({ ...parsed.sweep, models });
    expect(space.count).toBe(POINTS['synthetic.yaml']);
    // Grouping is all that differs: 8, 2 and 1 key/value heads.
    const elements = models.map(({ facts }) => facts.keyElementsPerToken);
    expect(elements).toEqual([8, 2, 1].map((kvHeads) => 4 * kvHeads * 64));
    expect(existsSync(cacheFolder)).toBe(false);
  });
});

test.each(readdirSync(join(root, 'scripts/gpu')).filter((name) => name.endsWith('.yaml')))(
  'scripts/gpu/%s, which the kit for GPU machines runs, is a sweep',
  (name) => {
    const parsed = sound(parseSweep(readFileSync(join(root, 'scripts/gpu', name), 'utf8')));
    expect(planSpace(parsed.sweep).unchecked).toEqual([]);
  },
);
