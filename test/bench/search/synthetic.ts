import { PythonRandom } from '../../../statistics/python-random.js';
import { keyOf, product, type Task, type TaskAxis, type TaskPoint } from './task.js';

const METRICS = ['timePerOutputTokenSeconds', 'peakMemoryBytes'];

type Evaluate = (digits: readonly number[]) => {
  readonly values: readonly number[] | null;
  readonly seconds: number;
};

export function task(name: string, axes: readonly TaskAxis[], evaluate: Evaluate): Task {
  const points = new Map<string, TaskPoint>();
  for (const digits of product(axes))
    points.set(keyOf(digits), { digits, ...evaluate(digits), physics: null });
  return { name, axes, metrics: METRICS, points };
}

export const words = (count: number, letters: string) =>
  Array.from({ length: count }, (_, i) => `${letters}${'abcdefghij'[i]!}`);

/** A normal draw (Box and Muller). */
export const normal = (random: PythonRandom) =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());

/** Effects of settings that multiply, and of each pair a little besides. */
export function multiplied(seed: number): Task {
  const random = new PythonRandom(seed);
  const axes: TaskAxis[] = [
    { name: 'format', values: words(6, 'f') },
    { name: 'cache', values: words(3, 'k') },
    { name: 'threads', values: [1, 2, 4, 8] },
    { name: 'batch', values: [1, 2, 4, 8, 16, 32] },
    { name: 'fused', values: [false, true] },
    { name: 'depth', values: [0, 512, 2048, 8192] },
    { name: 'kernel', values: words(4, 'c') },
  ];
  const effects = [0, 1].map(() => axes.map(({ values }) => values.map(() => 0.5 * normal(random))));
  const pairs = [0, 1].map(() =>
    axes.map(({ values }) =>
      axes.map((other) => values.map(() => other.values.map(() => 0.12 * normal(random)))),
    ),
  );
  return task('multiplied', axes, (digits) => {
    const values = [0, 1].map((d) => {
      let sum = 0;
      for (const [i, digit] of digits.entries()) {
        sum += effects[d]![i]![digit]!;
        for (let j = 0; j < i; j++) sum += pairs[d]![i]![j]![digit]![digits[j]!]!;
      }
      return Math.exp(sum);
    });
    return { values, seconds: 2 + values[0]! };
  });
}

/** Methods with knobs of their own, of which each moves along another front. */
export function conditional(seed: number): Task {
  const random = new PythonRandom(seed);
  const methods = ['none', 'prune', 'quantize', 'distil', 'share'];
  const axes: TaskAxis[] = [
    { name: 'method', values: methods },
    {
      name: 'sparsity',
      values: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
      where: { axis: 'method', values: ['prune'] },
    },
    { name: 'score', values: words(4, 's'), where: { axis: 'method', values: ['prune'] } },
    { name: 'bits', values: [2, 3, 4, 5, 6, 8], where: { axis: 'method', values: ['quantize', 'share'] } },
    { name: 'group', values: [16, 32, 64, 128, 256], where: { axis: 'method', values: ['quantize'] } },
    {
      name: 'layers',
      values: [4, 6, 8, 10, 12, 14, 16],
      where: { axis: 'method', values: ['distil', 'share'] },
    },
    { name: 'threads', values: [1, 2, 4, 8, 16] },
    { name: 'tile', values: [8, 16, 32, 64, 128] },
    { name: 'order', values: words(6, 'o') },
  ];
  const best = { threads: random.integerBelow(5), tile: random.integerBelow(5) };
  const orders = axes[8]!.values.map(() => 1 + 0.5 * random.next());
  const scores = axes[2]!.values.map(() => 0.7 + 0.8 * random.next());
  return task('conditional', axes, ([method, sparsity, score, bits, group, layers, threads, tile, order]) => {
    let speed = 1;
    let loss = 1;
    const word = methods[method!];
    if (word === 'prune') {
      const share = axes[1]!.values[sparsity!] as number;
      speed = 1 - 0.6 * share;
      loss = 1 + 2 * scores[score!]! * share ** 3;
    } else if (word === 'quantize') {
      const width = axes[3]!.values[bits!] as number;
      speed = 0.25 + 0.05 * width + 0.02 * Math.abs(group! - 2);
      loss = 1 + 3 * 2 ** (-width / 1.5) * (1 + 0.15 * group!);
    } else if (word === 'distil') {
      speed = 0.2 + 0.05 * (axes[5]!.values[layers!] as number);
      loss = 1 + 1.5 * Math.exp(-(axes[5]!.values[layers!] as number) / 5);
    } else if (word === 'share') {
      speed = 0.3 + 0.03 * (axes[5]!.values[layers!] as number);
      loss = 1.2 + 2 ** (-(axes[3]!.values[bits!] as number) / 2);
    }
    const machine =
      orders[order!]! *
      (1 + 0.12 * (threads! - best.threads) ** 2) *
      (1 + 0.05 * (tile! - best.tile) ** 2 + 0.03 * Math.abs(threads! - tile!));
    const time = 0.05 * speed * machine;
    return { values: [time, 1e9 * loss], seconds: 2 + 20 * time };
  });
}

/**
 * What a setting does depends on two others (Kauffman's NK landscapes): nothing is learned from one axis
 * alone.
 */
export function entangled(seed: number): Task {
  const random = new PythonRandom(seed);
  const sizes = [5, 4, 3, 4, 3, 4, 4];
  const axes = sizes.map(
    (size, i): TaskAxis => ({ name: `axis${i}`, values: words(size, `v${'abcdefg'[i]}`) }),
  );
  const tables = [0, 1].map(() => sizes.map(() => new Map<string, number>()));
  return task('entangled', axes, (digits) => {
    const values = [0, 1].map((d) => {
      let sum = 0;
      for (const [i] of digits.entries()) {
        const key = keyOf([digits[i]!, digits[(i + 1) % 7]!, digits[(i + 3) % 7]!]);
        const table = tables[d]![i]!;
        if (!table.has(key)) table.set(key, random.next());
        sum += table.get(key)!;
      }
      return Math.exp(sum / 2);
    });
    return { values, seconds: 2 };
  });
}

/** Numbers alone, with several valleys (after ZDT4: Zitzler, Deb and Thiele, Evol. Comput. 8(2), 2000). */
export function valleys(seed: number): Task {
  const random = new PythonRandom(seed);
  const axes: TaskAxis[] = [
    { name: 'a', values: Array.from({ length: 20 }, (_, i) => i + 1) },
    ...['b', 'c', 'd'].map((name) => ({ name, values: Array.from({ length: 8 }, (_, i) => i + 1) })),
  ];
  const shifts = axes.map(() => random.next());
  return task('valleys', axes, ([a, ...others]) => {
    const first = (a! + 1) / 20;
    let rest = 1;
    for (const [i, digit] of others.entries()) {
      const x = digit / 7 - shifts[i + 1]!;
      rest += 3 * x * x + 0.3 * (1 - Math.cos(3 * Math.PI * x));
    }
    return { values: [first, 1e9 * rest * (1 - Math.sqrt(first / rest) * 0.8)], seconds: 2 + 3 * first };
  });
}

/** A good part fails, as what does not fit fails, and the best lie beside what fails. */
export function cliffs(seed: number): Task {
  const random = new PythonRandom(seed);
  const axes: TaskAxis[] = [
    { name: 'batch', values: [1, 2, 4, 8, 16, 32, 64, 128] },
    { name: 'context', values: [512, 1024, 2048, 4096, 8192, 16_384] },
    { name: 'bits', values: [2, 3, 4, 6, 8, 16] },
    { name: 'offload', values: [0, 0.25, 0.5, 0.75, 1] },
    { name: 'scheduler', values: words(4, 's') },
    { name: 'graph', values: [false, true] },
  ];
  const schedulers = axes[4]!.values.map(() => 0.8 + 0.6 * random.next());
  return task('cliffs', axes, ([batch, context, bits, offload, scheduler, graph]) => {
    const size = axes[0]!.values[batch!] as number;
    const length = axes[1]!.values[context!] as number;
    const width = axes[2]!.values[bits!] as number;
    const share = axes[3]!.values[offload!] as number;
    const memory = 0.9 * width * share + (size * length) / 65_536 + (graph === 1 ? 1.2 : 0);
    if (memory > 12) return { values: null, seconds: 1 };
    const perToken =
      (schedulers[scheduler!]! * (width * (1.6 - share) + 0.2 * size ** 0.8)) /
      size /
      (graph === 1 ? 1.15 : 1);
    const loss = 1 + 4 * 2 ** (-width / 2) + 1 / Math.log2(length);
    return { values: [0.01 * perToken, 1e9 * loss], seconds: 1.5 + 0.2 * perToken * Math.sqrt(size) };
  });
}

export const SYNTHETIC = [multiplied, conditional, entangled, valleys, cliffs];
