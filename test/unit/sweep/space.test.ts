import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AxisValue } from '../../../core/experiment/experiment.js';
import { AXIS_NAMES } from '../../../core/sweep/fields.js';
import { axisValues } from '../../../core/sweep/labels.js';
import { impossibility, planSpace } from '../../../core/sweep/space.js';
import type { Block, Selector, Sweep } from '../../../core/sweep/spec.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import { forAll } from '../../support/for-all.js';
import { FACTS, file, sweepOf, sweeps } from './documents.js';

type Point = Record<string, AxisValue>;

/** Every point of one grid by nested loops, straight from the words of the format. */
function loops(sweep: Sweep, runner: Block, workload: Block, entry: Selector | null): Point[] {
  const axes = new Map<string, readonly AxisValue[]>([
    ['model', sweep.models.map((model) => model.name)],
    ['device', sweep.placement.devices],
    ...[...sweep.techniques, ...sweep.settings, ...runner.axes, ...workload.axes].map(
      (a) => [a.name, a.values] as const,
    ),
  ]);
  const names = AXIS_NAMES.filter((name) => axes.has(name));
  const points: Point[] = [];
  const walk = (depth: number, chosen: ReadonlyMap<string, number>, point: Point) => {
    const name = names[depth];
    if (name === undefined) {
      points.push({ ...point, runner: runner.kind, workload: workload.kind });
      return;
    }
    const group = entry?.[name] ? [] : (sweep.zip.find((members) => members.includes(name)) ?? []);
    const leader = group.find((member) => chosen.has(member) && !entry?.[member]);
    for (const [index, value] of (entry?.[name] ?? axes.get(name) ?? []).entries()) {
      if (leader !== undefined && chosen.get(leader) !== index) continue;
      walk(depth + 1, new Map([...chosen, [name, index]]), { ...point, [name]: value });
    }
  };
  walk(0, new Map(), {});
  return points;
}

const matches = (point: Point, selector: Selector) =>
  Object.entries(selector).every(([name, values]) => name in point && values.includes(point[name] ?? null));

const keyOf = (point: Point) => JSON.stringify(Object.entries(point).sort(([a], [b]) => (a < b ? -1 : 1)));

/** The plan of a sweep by visiting every point. */
function bruteForce(sweep: Sweep) {
  const pairs = sweep.runners.flatMap((runner) => sweep.workloads.map((workload) => ({ runner, workload })));
  const fits = (entry: Selector, { runner, workload }: (typeof pairs)[number]) =>
    loops(sweep, runner, workload, null)
      .slice(0, 1)
      .every((point) =>
        Object.entries(entry).every(([name, values]) =>
          name === 'runner' || name === 'workload' ? values.includes(point[name] ?? null) : name in point,
        ),
      );
  const product = pairs.map((pair) => ({ ...pair, entry: null as Selector | null }));
  const alone = pairs.flatMap(({ runner, workload }) => loops(sweep, runner, workload, null)).length === 1;
  const grids = [
    ...(alone && sweep.points.length > 0 ? [] : product),
    ...sweep.include.flatMap(({ at }) =>
      pairs.filter((pair) => fits(at, pair)).map((pair) => ({ ...pair, entry: at })),
    ),
    ...sweep.points.flatMap(({ at }) =>
      pairs
        .filter((pair) => fits(at, pair))
        .slice(0, 1)
        .map((pair) => ({ ...pair, entry: at })),
    ),
  ];
  const models = new Map(sweep.models.map((model) => [model.name, model]));
  const there = new Set<string>();
  const runs: string[] = [];
  const counts = { total: 0, excluded: 0, duplicates: 0, impossible: new Map<string, number>() };
  for (const { runner, workload, entry } of grids) {
    const here: string[] = [];
    for (const point of loops(sweep, runner, workload, entry)) {
      counts.total += 1;
      const key = keyOf(point);
      if (entry === null && sweep.exclude.some((selector) => matches(point, selector))) {
        counts.excluded += 1;
        continue;
      }
      here.push(key);
      if (there.has(key)) {
        counts.duplicates += 1;
        continue;
      }
      const options = (block: Block) =>
        Object.fromEntries(block.axes.map((a) => [a.name, point[a.name] ?? null]));
      const reason = impossibility({
        model: models.get(String(point.model))!,
        technique: {
          ...UNCHANGED,
          quantization: String(point.quantization),
          sparsity: String(point.sparsity),
        },
        runner: { kind: runner.kind, options: options(runner) },
        workload: { kind: workload.kind, options: options(workload) },
        measure: sweep.measure,
        quality: null,
        device: String(point.device),
        settings: null,
        node: null,
      });
      if (reason === null) runs.push(key);
      else counts.impossible.set(reason, (counts.impossible.get(reason) ?? 0) + 1);
    }
    for (const key of here) there.add(key);
  }
  return { ...counts, runs };
}

describe('a planned space', () => {
  test('numbers exactly the points that nested loops visit, in their order', () => {
    forAll(50, [sweeps], (sweep) => {
      const space = planSpace(sweep);
      fc.pre(space.total <= 2000);
      const expected = bruteForce(sweep);
      const points = Array.from({ length: space.count }, (_, position) => space.contentAt(position));
      const keys = points.map((content) => {
        const { node, ...point } = axisValues(content);
        expect(node).toBeNull();
        return keyOf(point);
      });
      expect(keys).toEqual(expected.runs);
      expect(space.total).toBe(expected.total);
      expect(space.excluded).toBe(expected.excluded);
      expect(space.duplicates).toBe(expected.duplicates);
      expect(new Map(space.impossible.map((i) => [i.reason, i.count]))).toEqual(expected.impossible);
      expect(space.unchecked).toEqual([]);
      for (const [position, content] of points.entries()) expect(space.indexOf(content)).toBe(position);
      expect(() => space.contentAt(space.count)).toThrow(RangeError);
    });
  }, 60_000);

  test('keeps zipped axes together and lets include reach beyond the axes', () => {
    const space = planSpace(
      sweepOf(
        file({
          workloads: { kind: 'latency', promptTokens: [64, 128, 256], generateTokens: [8, 16, 32] },
          zip: [['promptTokens', 'generateTokens']],
          include: [{ promptTokens: 512 }, { promptTokens: 64 }],
        }),
      ),
    );
    const points = Array.from({ length: space.count }, (_, i) => {
      const { promptTokens, generateTokens } = space.contentAt(i).workload.options;
      return `${promptTokens}/${generateTokens}`;
    });
    expect(points).toEqual(['64/8', '128/16', '256/32', '512/8', '512/16', '512/32', '64/16', '64/32']);
    expect(space.duplicates).toBe(1);
  });

  test('says why points cannot run and how many', () => {
    const sweep = sweepOf(
      file({
        techniques: { quantization: ['base', 'q8_0'] },
        runners: {
          kind: 'llama-cpp',
          flashAttention: [true, false],
          kvCacheTypeV: ['f16', 'q8_0'],
          ubatch: [512, 4096],
        },
        workloads: { kind: 'latency', promptTokens: [0, 256], generateTokens: [0, 512] },
      }),
    );
    const [model] = sweep.models;
    const known = { ...sweep, models: [{ ...model!, facts: { ...FACTS, quantization: 'q4_0' } }] };
    const space = planSpace(known);
    expect(space.total).toBe(64);
    const reasons = space.impossible.map(({ reason, count }) => `${count}: ${reason}`).join('\n');
    expect(reasons).toMatch(/16: a quantized V cache needs flash attention/);
    expect(reasons).toMatch(/24: ubatch is larger than batch/);
    expect(reasons).toMatch(/12: model a is quantized already \(q4_0\)/);
    expect(reasons).toMatch(/3: promptTokens and generateTokens are both 0/);
    expect(reasons).toMatch(/3: contextDepth \+ promptTokens \+ generateTokens is more than the 512 tokens/);
    expect(space.count).toBe(6);
  });

  test('facts of a model do not matter to a runner that opens none', () => {
    const sweep = sweepOf(
      file({ runners: { kind: 'fake' }, workloads: { kind: 'latency', promptTokens: 4096 } }),
    );
    const known = { ...sweep, models: sweep.models.map((model) => ({ ...model, facts: FACTS })) };
    expect(planSpace(known).count).toBe(1);
  });

  test('a device that no runner of the sweep can use is impossible, not silent', () => {
    const sweep = sweepOf(file({ placement: { device: ['cpu', 'cuda:h100'] } }));
    expect(planSpace(sweep).count).toBe(2);
    const odd = { ...sweep, placement: { ...sweep.placement, devices: ['cpu', 'npu'] } };
    expect(planSpace(odd).count).toBe(1);
    expect(planSpace(odd).impossible[0]?.reason).toMatch(/cannot use the device npu/);
  });

  test('options of an arena need one: of the CPU where that computes, and CUDA has its own', () => {
    const runners = { kind: 'onnx', arena: false, arenaGrowth: 'as-requested', arenaShrink: true };
    const space = planSpace(sweepOf(file({ runners, placement: { device: ['cpu', 'cuda'] } })));
    expect([space.count, space.contentAt(0).device]).toEqual([1, 'cuda']);
    expect(space.impossible.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/say nothing where arena is false/),
    ]);
    const onCpu = { ...runners, executionProvider: 'cpu' };
    expect(planSpace(sweepOf(file({ runners: onCpu, placement: { device: 'cuda' } }))).count).toBe(0);
    expect(planSpace(sweepOf(file({ runners: { ...runners, arena: true } }))).count).toBe(1);
  });

  test('a rule over too many combinations is named, and its points are still told apart one by one', () => {
    const many = (count: number) => `1-${count}`;
    const sweep = sweepOf(
      file({
        workloads: {
          kind: 'latency',
          promptTokens: many(300),
          generateTokens: many(300),
          contextDepth: many(300),
        },
      }),
    );
    const known = { ...sweep, models: sweep.models.map((model) => ({ ...model, facts: FACTS })) };
    const space = planSpace(known);
    expect(space.count).toBe(27_000_000);
    expect(space.unchecked).toEqual([
      'model × promptTokens × generateTokens × contextDepth has too many combinations to check before they run',
    ]);
    expect(impossibility(space.contentAt(0))).toBeNull();
    expect(impossibility(space.contentAt(space.count - 1))).toMatch(/more than the 512 tokens/);
  });

  test('counts a triangle without visiting it', () => {
    const space = planSpace(
      sweepOf(file({ runners: { kind: 'llama-cpp', batch: '1-300', ubatch: '1-300', poll: '0-100' } })),
    );
    expect(space.count).toBe(((300 * 301) / 2) * 101);
    expect(space.impossible[0]?.count).toBe(((300 * 299) / 2) * 101);
    expect(space.contentAt(space.count - 1).runner.options).toMatchObject({
      batch: 300,
      ubatch: 300,
      poll: 100,
    });
    expect(space.indexOf(space.contentAt(3_141_592))).toBe(3_141_592);
  });

  test('10^15 points are exact at both ends', () => {
    const axis = '1-1000';
    const sweep = sweepOf(
      file({
        runners: { kind: 'llama-cpp', batch: '1000-1999', ubatch: axis },
        workloads: { kind: 'latency', promptTokens: axis, generateTokens: axis, contextDepth: axis },
      }),
    );
    const space = planSpace(sweep);
    expect(space.count).toBe(1e15);
    for (const position of [0, 1, 999_999_999_999, 123_456_789_012_345, space.count - 1]) {
      expect(space.indexOf(space.contentAt(position))).toBe(position);
    }
    expect(space.contentAt(space.count - 1).workload.options).toMatchObject({
      promptTokens: 1000,
      contextDepth: 1000,
    });
  });
});
