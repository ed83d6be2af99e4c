import { undominated } from '../../../search/hypervolume.js';
import { ranked } from '../../../search/order.js';
import { Searcher } from '../../../search/searcher.js';
import { PythonRandom } from '../../../statistics/python-random.js';
import { spaceOf, type Task, type TaskPoint, Volume } from './task.js';

/**
 * What probes are off by, as standard deviations of logarithms: by what a block does to all of its probes, by
 * what a short look misses of a point however often it is looked at, and by chance; and the share of a
 * measurement's time that one takes.
 */
export const PROBED = { block: 0.15, depth: 0.02, chance: 0.05, seconds: 0.03 };
/** Points that a device gets in one block. */
const BLOCK = 3;
const REDUCTION = 3;

/** How much of what is best was not measured when the budget was spent. */
export interface Halved {
  /** Points of the grid's front, and those of them that never were measured in full. */
  readonly best: number;
  readonly lost: number;
  /** Share of the grid's volume that was covered. */
  readonly volume: number;
  readonly probes: number;
  readonly measured: number;
}

/** Points of a grid whose every number is known, with probes that are off. */
class Probed {
  readonly points: readonly TaskPoint[];
  readonly measured = new Set<number>();
  readonly #task: Task;
  readonly #random: PythonRandom;
  readonly #depths: readonly number[];
  #spent = 0;
  #probes = 0;
  readonly #budget: number;

  constructor(task: Task, seed: number, budget: number) {
    this.#task = task;
    this.points = [...task.points.values()];
    this.#budget = budget * this.points.reduce((sum, { seconds }) => sum + seconds, 0);
    this.#random = new PythonRandom(seed);
    this.#depths = this.points.flatMap(() => task.metrics.map(() => PROBED.depth * this.normal()));
  }

  get isSpent(): boolean {
    return this.#spent >= this.#budget;
  }

  /** Twelve uniform draws, less their mean. */
  normal(): number {
    return Array.from({ length: 12 }, () => this.#random.next()).reduce((sum, one) => sum + one, -6);
  }

  /**
   * @param block what the block does to all.
   * @returns costs in the unit of the task; null where the point fails.
   */
  probe(position: number, block: number): number[] | null {
    const { values, seconds } = this.points[position]!;
    this.#spent += PROBED.seconds * seconds;
    this.#probes += 1;
    const many = this.#task.metrics.length;
    return (
      values?.map(
        (value, d) =>
          value *
          Math.exp(PROBED.block * block + this.#depths[position * many + d]! + PROBED.chance * this.normal()),
      ) ?? null
    );
  }

  measure(position: number): void {
    this.#spent += this.points[position]!.seconds;
    this.measured.add(position);
  }

  end(): Halved {
    const logs = this.points.map(({ values }) => values?.map(Math.log) ?? null);
    const front = undominated(logs.flatMap((one) => (one === null ? [] : [one])));
    const best = logs.flatMap((one, i) =>
      one !== null && front.some((other) => other.every((v, d) => v === one[d])) ? [i] : [],
    );
    const volume = new Volume(this.#task);
    const values = [...this.measured].flatMap((one) =>
      this.points[one]!.values === null ? [] : [this.points[one]!.values!],
    );
    return {
      best: best.length,
      lost: best.filter((one) => !this.measured.has(one)).length,
      volume: volume.of(values) / volume.whole,
      probes: this.#probes,
      measured: this.measured.size,
    };
  }
}

/**
 * Asynchronous successive halving as published: a third of what was probed, the best by one probe of each, is
 * measured in full.
 */
export function plainHalving(task: Task, seed: number, budget: number): Halved {
  const grid = new Probed(task, seed, budget);
  const order = new PythonRandom(seed);
  const left = grid.points.map((_, i) => i).sort(() => order.next() - 0.5);
  const known: {
    position: number;
    digits: Int32Array;
    costs: number[] | null;
    violation: number;
    starts: number;
    seconds: number;
  }[] = [];
  let block = 0;
  while (!grid.isSpent) {
    const best = ranked(known).slice(0, Math.floor(known.length / REDUCTION));
    const next = best.find(({ position, costs }) => costs !== null && !grid.measured.has(position));
    if (next !== undefined) {
      grid.measure(next.position);
      continue;
    }
    const position = left.pop();
    if (position === undefined) break;
    if (known.length % BLOCK === 0) block = grid.normal();
    const costs = grid.probe(position, block)?.map(Math.log) ?? null;
    known.push({ position, digits: new Int32Array(), costs, violation: 0, starts: 1, seconds: 1 });
  }
  return grid.end();
}

/** The same by the search. */
export function knowingNoise(
  task: Task,
  seed: number,
  budget: number,
): Halved & { readonly searcher: Searcher } {
  const grid = new Probed(task, seed, budget);
  const searcher = new Searcher(spaceOf(task), {
    spec: {
      strategy: 'random',
      seed,
      predict: false,
      fidelity: 'probe',
      constraints: [],
      budget: { trials: null, deviceHours: null, joules: null },
      leastGainPerDeviceHour: null,
    },
    objectives: task.metrics.map((metric) => ({ metric, better: 'min' })),
    physics: () => [],
    labelOf: String,
  });
  const told = (values: readonly number[] | null) =>
    Object.fromEntries(task.metrics.map((metric, d) => [metric, values?.[d] ?? null]));
  let block = 0;
  let alone = 0;
  let effect = 0;
  while (!grid.isSpent) {
    const next = searcher.next();
    if (next.length === 0) {
      break;
    }
    const probes = searcher.wantsProbe(next[0]!);
    if (probes && (next.length > 1 || alone % BLOCK === 0)) {
      block += 1;
      effect = grid.normal();
    }
    if (probes && next.length === 1) alone += 1;
    else if (next.length > 1) alone = 0;
    for (const position of next) {
      const about = { position, joules: null };
      const { values, seconds } = grid.points[position]!;
      if (probes) {
        const costs = grid.probe(position, effect);
        if (costs === null) searcher.skip(position, 'it fails');
        else searcher.tellProbe({ ...about, values: told(costs), seconds: PROBED.seconds * seconds }, block);
      } else {
        grid.measure(position);
        searcher.tell({ ...about, values: told(values), seconds });
      }
    }
  }
  return { ...grid.end(), searcher };
}
