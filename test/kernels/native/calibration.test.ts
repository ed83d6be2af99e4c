import { describe, expect, inject, test } from 'vitest';
import { type Collector, openCollector } from '../../../agent/native/collector.js';
import { HessianAccumulator } from '../../support/pruning/hessian.js';
import { StatisticsAccumulator } from '../../support/pruning/statistics.js';
import { compute, memory, product, tensor } from '../../unit/calibration/graph.js';

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
