/**
 * Spaces whose branches have knobs of their own, and where what is good in one branch is not in another: what
 * a model of effects that add is wrong about. `needle` and `gorges` were looked at while the search was
 * written; `serving`, `pockets` and `crumbling` were not, and judge it. What is told of a point is off by
 * NOISE at random; volumes are counted by what is true.
 */
import { PythonRandom } from '../../../statistics/python-random.js';
import { task as exact, normal, words } from './synthetic.js';
import type { Task, TaskAxis } from './task.js';

/** Standard deviation of what a measurement is off by, as a logarithm. */
const NOISE = 0.05;

/** Trials after which a search is judged: where one has to find a needle, and elsewhere. */
const LATE = 600;
const EARLY = 80;

const task = (judgedAfter: number, ...about: Parameters<typeof exact>): Task => ({
  ...exact(...about),
  noise: NOISE,
  judgedAfter,
});

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const powers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from * 2 ** i);

/** How far a digit lies from a place on its axis, squared: 0 to 1. */
const apart = (digit: number, size: number, place: number) => (digit / Math.max(1, size - 1) - place) ** 2;

/** Axes that each branch alone has: two with the given numbers of values. */
function ownKnobs(branches: readonly string[], sizes: readonly (readonly [number, number])[]): TaskAxis[] {
  return branches.flatMap((branch, i) =>
    sizes[i]!.map(
      (size, knob): TaskAxis => ({
        name: `${branch}${knob}`,
        values: upTo(size),
        where: { axis: 'branch', values: [branch] },
      }),
    ),
  );
}

/**
 * Where a point stands on the knobs of its branch: how far from the best place on the first, and along the
 * second, 0 to 1.
 */
function onOwnKnobs(
  axes: readonly TaskAxis[],
  branches: readonly string[],
  places: readonly number[],
  digits: readonly number[],
) {
  const first = axes.findIndex(({ name }) => name === `${branches[digits[0]!]}0`);
  const sizeOf = (axis: number) => axes[axis]!.values.length;
  return {
    off: apart(digits[first]!, sizeOf(first), places[digits[0]!]!),
    along: digits[first + 1]! / (sizeOf(first + 1) - 1),
  };
}

/**
 * Seven branches, each with two knobs. In one branch one of six modes is three times as fast as all others,
 * whose other modes are slower than what the other branches have: 2.8 % of the points, and half of the
 * volume.
 */
export function needle(seed: number): Task {
  const random = new PythonRandom(seed);
  const branches = words(7, 'b');
  const sizes = [
    [6, 4],
    [6, 5],
    [8, 5],
    [10, 6],
    [8, 8],
    [10, 8],
    [13, 6],
  ] as const;
  const axes: TaskAxis[] = [
    { name: 'branch', values: branches },
    { name: 'mode', values: words(6, 'm') },
    ...ownKnobs(branches, sizes),
    { name: 'threads', values: powers(1, 4) },
    { name: 'fused', values: [false, true] },
  ];
  const places = branches.map(() => random.next());
  const levels = branches.map(() => 0.25 * random.next());
  const modes = axes[1]!.values.map(() => 0.25 * random.next());
  const threads = random.next();
  return task(LATE, 'needle', axes, (digits) => {
    const [branch, mode] = digits as [number, number];
    const { off, along } = onOwnKnobs(axes, branches, places, digits);
    const [thread, fused] = digits.slice(-2) as [number, number];
    const good = branch === 4 && mode === 5;
    const level = good ? -0.8 : levels[branch]! + modes[mode]! + (branch === 4 ? 0.25 : 0);
    const common = 0.8 * apart(thread, 4, threads) + (fused === 1 ? 0 : 0.1);
    const time = Math.exp(level + 0.8 * off + common - 0.5 * along);
    const bytes = 1e9 * Math.exp(0.8 * along + 0.4 * off + (good ? 0.3 : 0.3 * level));
    return { values: [time, bytes], seconds: 2 + time };
  });
}

/**
 * Six branches with valleys in the same three numbers, each at another place, and each branch at another part
 * of the front.
 */
export function gorges(seed: number): Task {
  const random = new PythonRandom(seed);
  const branches = words(6, 'b');
  const axes: TaskAxis[] = [
    { name: 'branch', values: branches },
    { name: 'depth', values: upTo(14) },
    { name: 'width', values: powers(1, 12) },
    { name: 'rate', values: upTo(10) },
    { name: 'layout', values: words(2, 'l') },
  ];
  const places = branches.map(() => [random.next(), random.next(), random.next()]);
  const layouts = branches.map(() => random.integerBelow(2));
  return task(EARLY, 'gorges', axes, (digits) => {
    const [branch, ...numbers] = digits as [number, ...number[]];
    const layout = numbers.pop()!;
    let off = 0;
    for (const [i, digit] of numbers.entries())
      off += apart(digit, axes[i + 1]!.values.length, places[branch]![i]!);
    const wrong = 2.5 * off + (layout === layouts[branch] ? 0 : 0.4);
    const share = branch / (branches.length - 1);
    const rate = digits[3]! / 9;
    const time = Math.exp(wrong - 1.2 * share - 0.2 * rate);
    return {
      values: [time, 1e9 * Math.exp(0.7 * wrong + 1.2 * share ** 2 + 0.2 * rate)],
      seconds: 2 + time,
    };
  });
}

/** Servers: two of three engines cut prefill into chunks, drafts have a length, what does not fit fails. */
export function serving(seed: number): Task {
  const random = new PythonRandom(seed);
  const engines = ['eager', 'paged', 'fused'];
  const axes: TaskAxis[] = [
    { name: 'engine', values: engines },
    { name: 'chunk', values: powers(128, 5), where: { axis: 'engine', values: ['paged', 'fused'] } },
    { name: 'draft', values: ['none', 'ngram', 'model'] },
    { name: 'draftTokens', values: upTo(5), where: { axis: 'draft', values: ['ngram', 'model'] } },
    { name: 'weights', values: ['f16', 'q8_0', 'q6_k', 'q4_0'] },
    { name: 'devices', values: powers(1, 4) },
    { name: 'sequences', values: powers(1, 9) },
    { name: 'cache', values: ['f16', 'q8_0', 'q4_0'] },
  ];
  const speed = engines.map(() => 0.8 + 0.5 * random.next());
  const accepted = [0, 0.35 + 0.2 * random.next(), 0.6 + 0.15 * random.next()];
  const bestChunk = random.next();
  const cacheCost = [1, 1 + 0.1 * random.next(), 1.1 + 0.3 * random.next()];
  const bytes = [16, 8.5, 6.6, 4.5];
  return task(EARLY, 'serving', axes, (digits) => {
    const [engine, chunk, draft, draftTokens, weights, device, sequence, cache] = digits as number[];
    const devices = 2 ** device!;
    const sequences = 2 ** sequence!;
    const held = (7 * bytes[weights!]!) / 8 + sequences * [0.5, 0.27, 0.15][cache!]! + (draft === 2 ? 1 : 0);
    if (held > 20 * devices || (engine === 0 && sequences > 64)) return { values: null, seconds: 20 };
    const tokens = draft === 0 ? 0 : draftTokens! + 1;
    const rate = accepted[draft!]!;
    const gain = draft === 0 ? 1 : (1 - rate ** (tokens + 1)) / (1 - rate);
    const work = 1 + tokens * (draft === 2 ? 0.12 : 0.02) + (sequences * (tokens + 1)) / 200;
    const share = 1 / devices + 0.06 * Math.log2(devices);
    const pass =
      speed[engine!]! *
      share *
      (bytes[weights!]! / 16 + 0.15) *
      work *
      (1 + (sequences / 150) * cacheCost[cache!]!);
    const cut = chunk! < 0 ? 0.35 : 0.5 * apart(chunk!, 5, bestChunk);
    const perToken = (pass / gain) * (1 + cut * Math.log2(sequences + 1) * 0.3);
    // Seconds of a token, and device-seconds of one: how long a user waits, and what it costs.
    return {
      values: [perToken, (1e9 * perToken * devices) / sequences],
      seconds: 10 + 5 * perToken,
    };
  });
}

/**
 * Nine branches from 24 to 4,800 points. The smallest but one has the best points where its kernel has one of
 * three values and the cache one of four: one in 600 points.
 */
export function pockets(seed: number): Task {
  const random = new PythonRandom(seed);
  const branches = words(9, 'b');
  const sizes = [
    [10, 20],
    [3, 4],
    [12, 10],
    [9, 9],
    [6, 8],
    [2, 2],
    [12, 12],
    [5, 6],
    [14, 12],
  ] as const;
  const axes: TaskAxis[] = [
    { name: 'branch', values: branches },
    { name: 'kernel', values: words(3, 'k') },
    { name: 'cache', values: words(4, 'c') },
    ...ownKnobs(branches, sizes),
    { name: 'batch', values: powers(1, 5) },
  ];
  const places = branches.map(() => random.next());
  const levels = branches.map(() => 0.5 * random.next());
  const pairs = branches.map(() => Array.from({ length: 12 }, () => 0.2 * normal(random)));
  return task(LATE, 'pockets', axes, (digits) => {
    const [branch, kernel, cache] = digits as [number, number, number];
    const { off, along } = onOwnKnobs(axes, branches, places, digits);
    const batch = digits.at(-1)! / 4;
    const good = branch === 1 && kernel === 2 && cache !== 0;
    const level = levels[branch]! + pairs[branch]![4 * kernel + cache]! - (good ? 1.2 : 0);
    const time = Math.exp(level + off - 0.3 * along - 0.4 * batch);
    return { values: [time, 1e9 * Math.exp(0.6 * off + 0.4 * along + 0.5 * batch)], seconds: 2 + time };
  });
}

/**
 * Five branches, of each of which another corner fails, 45 % of the points in all; the best lie at the edge,
 * which two numbers move together.
 */
export function crumbling(seed: number): Task {
  const random = new PythonRandom(seed);
  const branches = words(5, 'b');
  const axes: TaskAxis[] = [
    { name: 'branch', values: branches },
    { name: 'batch', values: powers(1, 9) },
    { name: 'context', values: powers(512, 8) },
    { name: 'offload', values: upTo(6) },
    { name: 'split', values: words(3, 's'), where: { axis: 'branch', values: ['bb', 'bd'] } },
    { name: 'graph', values: [false, true] },
  ];
  const limits = branches.map(() => 0.8 + 0.6 * random.next());
  const turned = branches.map(() => random.integerBelow(2));
  const splits = [0, 0.2, 0.5].map((one) => one + 0.2 * random.next());
  return task(EARLY, 'crumbling', axes, (digits) => {
    const [branch, batch, context, offload, split, graph] = digits as number[];
    const b = batch! / 8;
    const c = turned[branch!] === 1 ? 1 - context! / 7 : context! / 7;
    const o = offload! / 5;
    const held = b + 0.7 * c + 0.4 * (1 - o) + 0.1 * graph!;
    if (held > limits[branch!]!) return { values: null, seconds: 1 };
    const near = limits[branch!]! - held;
    const time = Math.exp(1.5 * near - b + 0.6 * o - 0.1 * graph! + (split! < 0 ? 0.2 : splits[split!]!));
    const bytes = Math.exp(0.5 * near + 0.9 * b - 0.5 * c + 0.1 * branch!);
    return { values: [time, 1e9 * bytes], seconds: 2 + time };
  });
}

export const BRANCHED = [needle, gorges, serving, pockets, crumbling];
