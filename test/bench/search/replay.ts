import type { SearchSpec } from '../../../core/sweep/spec.js';
import { Searcher } from '../../../search/searcher.js';
import { PythonRandom } from '../../../statistics/python-random.js';
import { normal } from './synthetic.js';
import { keyOf, spaceOf, type Task, type TaskPoint, Volume } from './task.js';

/**
 * Of a measurement's time, what a probe takes that is made up; what it is off by on average, and how much
 * that varies, in logarithms.
 */
const PROBE = { seconds: 0.4, off: 0.05, spread: 0.1 };

/** @returns what a probe of a point says and takes; its values are null where the trial fails. */
function probeOf({ values, seconds, probe }: TaskPoint, seed: number) {
  if (probe !== undefined) return probe;
  const random = new PythonRandom(seed);
  const off = () => Math.exp(PROBE.off + PROBE.spread * Math.sqrt(12) * (random.next() - 0.5));
  return { values: values?.map((value) => value * off()) ?? null, seconds: PROBE.seconds * seconds };
}

/** Of the grid's volume, what is to be covered. */
export const SHARES = [0.9, 0.95, 0.99];

/** Trials after which is looked what is covered. */
export const BUDGETS = [80, 150, 600];

/** @returns after how many trials a task ends; null where it ends when all of SHARES are covered. */
export const trialsOf = ({ judgedAfter, trials = BUDGETS.at(-1)! }: Task): number | null =>
  judgedAfter === undefined ? null : trials;

export interface Replayed {
  /**
   * Share of all device-seconds of the grid that passed until each of SHARES was covered; 1 where it never
   * was.
   */
  readonly until: readonly number[];
  readonly trials: readonly number[];
  /**
   * Share of the grid's volume that was covered after each of BUDGETS; of a search that ended before, when it
   * ended.
   */
  readonly after: readonly number[];
}

/**
 * @returns what a measurement of a point says of it, which is off by the noise of its task; the same of one
 *   seed, whoever asks.
 */
export function measuredOf({ noise = 0 }: Task, { values }: TaskPoint, position: number, seed: number) {
  if (noise === 0 || values === null) return values;
  const random = new PythonRandom(1_000_003 * seed + position);
  return values.map((value) => value * Math.exp(noise * normal(random)));
}

/**
 * Lets a search look every point up that it asks for, until all of SHARES are covered, or its trials are
 * spent where a task is judged by those.
 * @param agents that measure at the same time.
 */
export function replay(
  task: Task,
  options: Pick<SearchSpec, 'strategy' | 'seed' | 'predict'> & Partial<Pick<SearchSpec, 'fidelity'>>,
  agents = 1,
): Replayed {
  const space = spaceOf(task);
  const points = [...task.points.values()];
  const searcher = new Searcher(space, {
    spec: {
      fidelity: 'full',
      ...options,
      budget: { trials: null, deviceHours: null, joules: null },
      leastGainPerDeviceHour: null,
      constraints: [],
    },
    objectives: task.metrics.map((metric) => ({ metric, better: 'min' })),
    physics: (position) => points[position]!.physics ?? [],
    labelOf: String,
  });
  const all = points.reduce((sum, { seconds }) => sum + seconds, 0);
  const volume = new Volume(task);
  const counter = new Counter(volume, trialsOf(task));
  const running: number[] = [];
  let block = 0;
  for (;;) {
    while (running.length < agents) {
      const next = searcher.next();
      if (next.length === 0) break;
      running.push(...next);
    }
    const position = running.shift();
    if (position === undefined) break;
    const { values, seconds } = points[position]!;
    const told = (numbers: readonly (number | null)[] | null) =>
      Object.fromEntries(task.metrics.map((metric, d) => [metric, numbers?.[d] ?? null]));
    if (searcher.wantsProbe(position)) {
      const probe = probeOf(points[position]!, 7 * position + options.seed);
      counter.add(null, probe.seconds);
      if (probe.values === null) {
        searcher.spend(probe.seconds, null);
        searcher.skip(position, 'it fails');
      } else {
        const said = { position, values: told(probe.values), seconds: probe.seconds, joules: null };
        searcher.tellProbe(said, block++);
      }
      continue;
    }
    const measured = measuredOf(task, points[position]!, position, options.seed);
    searcher.tell({ position, values: told(measured), seconds, joules: null });
    if (counter.add(values, seconds)) break;
  }
  return counter.replayed(all, points.length);
}

/** The same of a search that said in which order it asked. */
export function follow(task: Task, order: readonly (readonly number[])[]): Replayed {
  const points = [...task.points.values()];
  const all = points.reduce((sum, { seconds }) => sum + seconds, 0);
  const counter = new Counter(new Volume(task), trialsOf(task));
  for (const digits of order) {
    const point = task.points.get(keyOf(digits));
    if (point !== undefined && counter.add(point.values, point.seconds)) break;
  }
  return counter.replayed(all, points.length);
}

/** Notes when shares of the grid's volume are covered. */
class Counter {
  readonly #volume: Volume;
  readonly #most: number | null;
  #share = 0;
  readonly #after: number[] = [];
  #front: (readonly number[])[] = [];
  #spent = 0;
  #count = 0;
  readonly seconds: (number | null)[] = SHARES.map(() => null);
  readonly trials: (number | null)[] = SHARES.map(() => null);

  /** @param most trials, all of which are made; null = until all of SHARES are covered. */
  constructor(volume: Volume, most: number | null) {
    this.#volume = volume;
    this.#most = most;
  }

  /** @param all device-seconds of the grid, and its points: what a search took that did not get there. */
  replayed(all: number, points: number): Replayed {
    return {
      until: this.seconds.map((seconds) => (seconds ?? all) / all),
      trials: this.trials.map((count) => count ?? points),
      after: BUDGETS.map((_, i) => this.#after[i] ?? this.#share),
    };
  }

  /** @returns whether it has seen enough. */
  add(values: readonly number[] | null, seconds: number): boolean {
    this.#spent += seconds;
    this.#count += 1;
    if (values !== null) this.#cover(values);
    const budget = BUDGETS.indexOf(this.#count);
    if (budget >= 0) this.#after[budget] = this.#share;
    return this.#most === null ? this.seconds.every((one) => one !== null) : this.#count >= this.#most;
  }

  #cover(values: readonly number[]): void {
    if (this.#front.some((other) => other.every((value, d) => value <= values[d]!))) return;
    this.#front = [...this.#front.filter((other) => !values.every((value, d) => value <= other[d]!)), values];
    this.#share = this.#volume.of(this.#front) / this.#volume.whole;
    for (const [i, wanted] of SHARES.entries()) {
      if (this.#share < wanted || this.seconds[i] !== null) continue;
      this.seconds[i] = this.#spent;
      this.trials[i] = this.#count;
    }
  }
}
