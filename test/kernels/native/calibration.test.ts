import { describe, expect, inject, test } from 'vitest';
import { type Collector, openCollector } from '../../../engines/native/collector.js';
import { HessianAccumulator } from '../../support/pruning/hessian.js';
import { StatisticsAccumulator } from '../../support/pruning/statistics.js';
import {
  compute,
  expertsIn,
  memory,
  onDevice,
  product,
  productOfExperts,
  tensor,
} from '../../unit/calibration/graph.js';

const kernels = inject('kernels');

const COLUMNS = 600;
/** Values with a mean far from zero, one channel of zeros and one that never changes. */
const rows = (count: number, seed: number) =>
  Float32Array.from({ length: count * COLUMNS }, (_, i) => {
    const channel = i % COLUMNS;
    if (channel < 2) return channel * 0.1;
    return 1000 * (channel % 3) + Math.sin(i * 0.7 + seed) * (1 + (channel % 7));
  });

describe.skipIf(!kernels.tools)('the native collector (needs cmake and a C++ compiler)', () => {
  const open = (threads: number, hessians = false): Promise<Collector> =>
    openCollector(memory, { threads, hessians });

  test.each([1, 2, 5])('gives the reference’s numbers to the bit with %i threads', async (threads) => {
    const collector = await open(threads, true);
    for (const name of ['q', 'k', 'down']) collector.want(name, COLUMNS);
    const statistics = new StatisticsAccumulator(COLUMNS);
    const hessian = new HessianAccumulator(COLUMNS);
    // Two sequences; the first comes in two pieces, as the engine cuts long ones.
    for (const [i, pieces] of [[rows(200, 1), rows(30, 2)], [rows(90, 3)]].entries()) {
      for (const piece of pieces) {
        const input = tensor('norm', COLUMNS, piece);
        // q and k read the same: it counts once for each.
        compute(collector, [product('q', input), product('other', input), product('k', input)]);
        statistics.addTokens(piece);
        hessian.addTokens(piece);
      }
      collector.endSequence();
      statistics.endSequence();
      hessian.endSequence();
      expect(collector.statistics('down'), `sequence ${i}`).toBeNull();
    }
    const expected = statistics.statistics()!;
    expect(collector.statistics('q')).toEqual(expected);
    expect(collector.statistics('k')).toEqual(expected);
    expect(collector.hessian('k')!.values).toEqual(hessian.hessian().values);
    expect(expected.variance[1]).toBe(0);
    expect(expected.squaresPerSequence[0]).toBe(0);
    collector.close();
  });

  test('rows with gaps between them count like rows without', async () => {
    const collector = await open(2, true);
    collector.want('q', COLUMNS);
    const values = rows(20, 4);
    const spread = new Float32Array(20 * (COLUMNS + 8)).fill(9);
    for (let t = 0; t < 20; t++)
      spread.set(values.subarray(t * COLUMNS, (t + 1) * COLUMNS), t * (COLUMNS + 8));
    compute(collector, [product('q', tensor('norm', COLUMNS, spread, COLUMNS + 8))]);
    collector.endSequence();
    const reference = new StatisticsAccumulator(COLUMNS);
    reference.addSequence(values);
    expect(collector.statistics('q')).toEqual(reference.statistics());
    const hessian = new HessianAccumulator(COLUMNS);
    hessian.addSequence(values);
    expect(collector.hessian('q')!.values).toEqual(hessian.hessian().values);
    collector.close();
  });

  test('the graph ends at a node, whose rows are kept', async () => {
    const collector = await open(1);
    collector.want('q', COLUMNS);
    collector.endAt('l_out-0', 3, 4);
    const out = (values: number[]) => tensor('l_out-0', 3, Float32Array.from(values));
    const after = product('q', tensor('norm', COLUMNS, rows(1, 0)));
    expect(compute(collector, [out([1, 2, 3, 4, 5, 6]), after])).toBe(1);
    expect(compute(collector, [out([7, 8, 9]), after])).toBe(1);
    expect([...collector.endSequence()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(collector.statistics('q')).toBeNull();
    compute(collector, [out([1, 1, 1])]);
    expect([...collector.endSequence()]).toEqual([1, 1, 1]);
    compute(collector, [out(Array(15).fill(0))]);
    expect(() => collector.endSequence()).toThrow('another shape');
    collector.close();
  });

  test.each([1, 3])(
    'experts have the numbers of their tokens to the bit with %i threads',
    async (threads) => {
      const [EXPERTS, USED] = [4, 2];
      const collector = await open(threads, true);
      const each = [0, 1, 2, 3];
      for (const kind of ['gate_exps', 'up_exps', 'down_exps'])
        for (const expert of each) collector.want(`${kind}.${expert}.weight`, COLUMNS);
      const references = each.map(() => ({
        outer: new StatisticsAccumulator(COLUMNS),
        inner: new StatisticsAccumulator(COLUMNS),
        hessian: new HessianAccumulator(COLUMNS),
      }));
      // Expert 3 is never chosen, expert 0 only in the second sequence, expert 1 by no token of the second.
      const pieces = [
        [
          [
            [1, 2],
            [2, 1],
            [1, 2],
          ],
          [[2, 1]],
        ],
        [
          [
            [0, 2],
            [2, 0],
          ],
        ],
      ];
      for (const [i, sequence] of pieces.entries()) {
        for (const [j, ids] of sequence.entries()) {
          const shared = rows(ids.length, 10 * i + j);
          const own = rows(ids.length * USED, 5 + 10 * i + j);
          const chosen = expertsIn(ids, EXPERTS);
          const input = tensor('norm', COLUMNS, shared, COLUMNS, 1);
          compute(collector, [
            productOfExperts('gate_exps.weight', EXPERTS, input, chosen),
            productOfExperts('up_exps.weight', EXPERTS, input, chosen),
            productOfExperts('down_exps.weight', EXPERTS, tensor('act', COLUMNS, own, COLUMNS, USED), chosen),
          ]);
          const row = (values: Float32Array, at: number) => values.subarray(at * COLUMNS, (at + 1) * COLUMNS);
          ids.forEach((best, token) => {
            best.forEach((expert, place) => {
              references[expert]!.outer.addTokens(row(shared, token));
              references[expert]!.hessian.addTokens(row(shared, token));
              references[expert]!.inner.addTokens(row(own, token * USED + place));
            });
          });
        }
        collector.endSequence();
        for (const { outer, inner, hessian } of references) {
          outer.endSequence();
          inner.endSequence();
          hessian.endSequence();
        }
      }
      for (const expert of [0, 1, 2]) {
        const { outer, inner, hessian } = references[expert]!;
        for (const kind of ['gate', 'up'])
          expect(collector.statistics(`${kind}_exps.${expert}.weight`)).toEqual(outer.statistics());
        expect(collector.statistics(`down_exps.${expert}.weight`)).toEqual(inner.statistics());
        const products = collector.hessian(`up_exps.${expert}.weight`)!.values;
        // Value by value it would take seconds.
        expect(Buffer.from(products.buffer).equals(Buffer.from(hessian.hessian().values.buffer))).toBe(true);
      }
      expect(collector.statistics('up_exps.1.weight')).toMatchObject({ tokens: 4, sequences: 1 });
      const zeros = new Float32Array(COLUMNS);
      expect(collector.statistics('up_exps.3.weight')).toEqual({
        squaresPerSequence: zeros,
        sumPerSequence: zeros,
        variance: zeros,
        sequences: 0,
        tokens: 0,
      });
      expect(collector.hessian('up_exps.3.weight')).toBeNull();
      collector.close();
    },
  );

  test('what lies on a device gives the numbers of what lies in memory, to the bit', async () => {
    const collected = async (place: (tensor: bigint) => bigint) => {
      const collector = await open(2, true);
      const wanted = ['q', 'up_exps.0.weight', 'up_exps.1.weight'];
      for (const name of wanted) collector.want(name, COLUMNS);
      collector.endAt('l_out-0', 3, 4);
      const gaps = new Float32Array(20 * (COLUMNS + 8)).fill(9);
      for (let t = 0; t < 20; t++) gaps.set(rows(1, t), t * (COLUMNS + 8));
      const pieces = [
        {
          input: tensor('norm', COLUMNS, gaps, COLUMNS + 8),
          ids: [[0], [1], [0]],
          out: [1, 2, 3, 4, 5, 6, 7, 8, 9],
        },
        { input: tensor('norm', COLUMNS, rows(2, 3)), ids: [[1]], out: [10, 11, 12] },
      ];
      for (const { input, ids, out } of pieces) {
        const routed = tensor('act', COLUMNS, rows(ids.length, 7), COLUMNS, 1);
        compute(collector, [
          product('q', place(input)),
          productOfExperts('up_exps.weight', 2, place(routed), place(expertsIn(ids, 4))),
          place(tensor('l_out-0', 3, Float32Array.from(out))),
        ]);
      }
      const kept = [...collector.endSequence()];
      const found = wanted.map((name) => {
        const { buffer, byteOffset, byteLength } = collector.hessian(name)!.values;
        return {
          ...collector.statistics(name)!,
          hessian: Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
        };
      });
      collector.close();
      return { kept, found };
    };
    const onHost = await collected((tensor) => tensor);
    expect(onHost.kept).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(onHost.found.map(({ tokens }) => tokens)).toEqual([22, 2, 2]);
    expect(await collected(onDevice)).toEqual(onHost);
  });

  test('experts that do not exist, and a product of another kind than its weights, are no numbers', async () => {
    const collector = await open(1);
    collector.want('up_exps.0.weight', COLUMNS);
    collector.want('q', COLUMNS);
    expect(collector.statistics('up_exps.0.weight')).toBeNull();
    const input = tensor('norm', COLUMNS, rows(2, 0), COLUMNS, 1);
    const wrong = [
      productOfExperts('up_exps.weight', 2, input, expertsIn([[0], [2]], 4)),
      productOfExperts('up_exps.weight', 2, input, expertsIn([[0]], 4)),
      productOfExperts('q', 2, input, expertsIn([[0], [1]], 4)),
      product('up_exps.weight', tensor('norm', COLUMNS, rows(2, 0))),
    ];
    for (const graph of wrong) {
      compute(collector, [graph]);
      expect(() => collector.endSequence()).toThrow('another shape or type');
    }
    const shared = expertsIn([[0], [1]], 2);
    collector.want('gate_exps.0.weight', COLUMNS);
    const up = productOfExperts('up_exps.weight', 2, input, shared);
    compute(collector, [up, productOfExperts('gate_exps.weight', 2, input, shared)]);
    collector.endSequence();
    compute(collector, [up, productOfExperts('gate_exps.weight', 2, input, expertsIn([[1], [0]], 2))]);
    expect(() => collector.endSequence()).toThrow('no longer do');
    collector.close();
  });

  test('what it cannot take is said at the end of the sequence', async () => {
    const collector = await open(1);
    collector.want('q', COLUMNS);
    collector.want('k', COLUMNS);
    compute(collector, [product('q', tensor('norm', 10, new Float32Array(20)))]);
    expect(() => collector.endSequence()).toThrow('another shape or type');
    const shared = tensor('norm', COLUMNS, rows(2, 0));
    compute(collector, [product('q', shared), product('k', shared)]);
    collector.endSequence();
    compute(collector, [product('q', shared), product('k', tensor('norm', COLUMNS, rows(2, 1)))]);
    expect(() => collector.endSequence()).toThrow('no longer do');
    collector.close();
  });
});
