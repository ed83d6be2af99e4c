import fc from 'fast-check';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { OPS } from '../../../core/kernels/gen/ops.js';
import { type OpFacts, shapeOf } from '../../../core/kernels/op.js';
import { type CpuLevels, cpuLevels } from '../../../engines/native/cpu-levels.js';
import { kernelsLibrary, openKernelLibrary } from '../../../engines/native/kernel-library.js';
import { type NativeOps, openOps } from '../../../engines/native/ops.js';

const kernels = inject('kernels');
const OWN = OPS.filter(({ family }) => !family.endsWith('-matrix'));

const opened: { ops: NativeOps; levels: CpuLevels } | null =
  kernels.library !== null
    ? {
        ops: await openOps(kernelsLibrary()!),
        levels: cpuLevels(await openKernelLibrary(kernelsLibrary()!, 'ops')),
      }
    : null;
const levels = opened?.levels.names ?? [];

/** Shapes with nothing round in them, small enough for a reference in double precision. */
function oddShapes(op: OpFacts): fc.Arbitrary<number[]> {
  const reach = (name: string) =>
    /length|inputs|outputs|context|depth|tokens|window$/i.test(name) ? 75 : /heads|batch/i.test(name) ? 2 : 9;
  return fc
    .tuple(
      ...op.parameters.map(({ name, least, most }) =>
        fc.integer({ min: least, max: Math.min(most, least + reach(name)) }),
      ),
    )
    .map((numbers) => consistent(op, numbers));
}

/** Numbers that contradict each other brought together: what is refused is tested by itself. */
function consistent({ parameters, name }: OpFacts, numbers: readonly number[]): number[] {
  const by = Object.fromEntries(parameters.map((parameter, i) => [parameter.name, numbers[i]!]));
  if (by.kvHeads !== undefined) by.heads = by.kvHeads * Math.max(1, by.heads! + 1);
  if (by.compressStride !== undefined) by.compressStride = Math.min(by.compressStride, by.compressBlock!);
  if (by.used !== undefined) by.used = Math.min(by.used, by.experts!);
  if (name === 'rope') by.length! += by.length! % 2;
  return parameters.map((parameter) => by[parameter.name]!);
}

const onProcessors = (op: OpFacts) => op.variants.filter(({ platform }) => platform === 'any');

function check(
  op: OpFacts,
  variant: string,
  type: OpFacts['types'][number],
  shape: readonly number[],
  seed = 1,
  threads = 2,
) {
  return opened!.ops.check({ op: op.name, variant, type, shape, threads, seed });
}

describe.skipIf(!kernels.tools)(
  'the ops of attention, layers and rows (needs cmake and a C++ compiler)',
  () => {
    afterAll(() => opened?.levels.limit(levels.at(-1)!));

    test.each(OWN.map((op) => [op.name, op] as const))(
      '%s is right at odd shapes at every level of instructions',
      (_name, op) => {
        fc.assert(
          fc.property(oddShapes(op), fc.nat(1e6), fc.integer({ min: 1, max: 3 }), (shape, seed, threads) => {
            for (const level of levels) {
              opened!.levels.limit(level);
              for (const { name: variant, types } of onProcessors(op))
                for (const type of types)
                  expect(
                    check(op, variant, type, shape, seed, threads),
                    `${variant} ${type} ${level}`,
                  ).toMatchObject({ ok: true });
            }
          }),
          { numRuns: 5 },
        );
      },
    );

    test.each<[string, string, Record<string, number>]>([
      ['attention-decode', 'heads has to be a multiple of kvHeads', { heads: 6, kvHeads: 4 }],
      ['attention-prefill', 'heads has to be a multiple of kvHeads', { heads: 6, kvHeads: 4 }],
      [
        'nsa-decode',
        'compressStride has to be at most compressBlock',
        { compressStride: 64, compressBlock: 32 },
      ],
      ['moe', 'used has to be at most experts', { used: 9, experts: 8 }],
      ['rope', 'length has to be a multiple of 2', { length: 127 }],
      ['mla-decode', 'context is 0, and it goes from 1', { context: 0 }],
      ['attention-decode', 'batch is 0, and it goes from 1', { batch: 0 }],
    ])('%s says that %s', (name, sentence, given) => {
      const op = OWN.find((known) => known.name === name)!;
      expect(() => check(op, op.variants[0]!.name, 'f32', shapeOf(op, given))).toThrow(sentence);
    });

    const output = (
      name: string,
      variant: string,
      given: Record<string, number>,
      type: OpFacts['types'][number] = 'f32',
    ) => {
      const op = OWN.find((known) => known.name === name)!;
      const shape = shapeOf(op, given);
      return opened!.ops.output({ op: name, variant, type, shape, threads: 2, seed: 3 });
    };
    /** Sums in another order differ by rounding alone. */
    const expectEqual = (a: Float32Array, b: Float32Array) => {
      expect(a.length).toBe(b.length);
      expect(a.some((value) => value !== 0)).toBe(true);
      for (const [i, value] of a.entries()) expect(Math.abs(value - b[i]!)).toBeLessThan(5e-5);
    };
    const SMALL = { batch: 2, heads: 6, kvHeads: 2, keyLength: 40, valueLength: 24, context: 333 };

    test.each(['f16', 'int8'] as const)('pages in any order hold what one piece holds, in %s', (type) => {
      for (const page of [1, 16, 100, 1000])
        expectEqual(
          output('attention-decode', 'packed', { ...SMALL, page }, type),
          output('attention-decode', 'packed', SMALL, type),
        );
    });

    test('the result does not depend on the number of parts that are merged', () => {
      const whole = output('attention-decode', 'packed', { ...SMALL, splits: 1 });
      for (const splits of [2, 5, 4096])
        expectEqual(output('attention-decode', 'packed', { ...SMALL, splits }), whole);
      const mla = {
        heads: 5,
        latentLength: 33,
        ropeLength: 7,
        headLength: 12,
        valueLength: 10,
        context: 300,
      };
      expectEqual(
        output('mla-decode', 'absorbed', { ...mla, splits: 1 }),
        output('mla-decode', 'absorbed', { ...mla, splits: 7 }),
      );
      expectEqual(output('mla-decode', 'absorbed', mla), output('mla-decode', 'naive', mla));
    });

    test('a window over everything is no window, a smaller one is', () => {
      const all = output('attention-decode', 'packed', SMALL);
      expectEqual(output('attention-decode', 'packed', { ...SMALL, window: 333 }), all);
      expect(output('attention-decode', 'packed', { ...SMALL, window: 50 })).not.toEqual(all);
      const prompt = { heads: 4, kvHeads: 2, keyLength: 20, valueLength: 20, depth: 30, tokens: 70 };
      const masked = output('attention-prefill', 'plain', { ...prompt, window: 33 });
      expectEqual(output('attention-prefill', 'flash', { ...prompt, window: 33 }), masked);
      expectEqual(
        output('attention-prefill', 'flash', { ...prompt, window: 1000 }),
        output('attention-prefill', 'plain', prompt),
      );
    });

    test('NSA that selects every block, with that branch alone, is dense attention', () => {
      const selectAll = { ...SMALL, selectBlock: 10, selectCount: 34, window: 20, gates: 2 };
      expectEqual(output('nsa-decode', 'packed', selectAll), output('attention-decode', 'plain', SMALL));
      const fewer = output('nsa-decode', 'packed', { ...selectAll, selectCount: 33 });
      expect(fewer).not.toEqual(output('nsa-decode', 'packed', selectAll));
    });

    test('many adapters in one batch give what each gives by itself', () => {
      const batch = { tokens: 13, inputs: 70, outputs: 50, adapterRank: 6, adapters: 5 };
      for (const dora of [0, 1]) {
        const separate = output('lora', 'separate', { ...batch, dora });
        expectEqual(output('lora', 'grouped', { ...batch, dora }), separate);
        expectEqual(output('lora', 'fused', { ...batch, dora }), separate);
      }
    });
  },
);
