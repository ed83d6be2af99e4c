import { disturbedBetween, type MachineTime, readMachineTime } from '../roofs/machine.js';
import type { BenchCores } from './watch.js';

/** What reads the use of the machine; a test gives its own. */
type ReadTime = () => MachineTime | null;
/** The cores that benches run on. */
type Cores = Pick<BenchCores, 'settle' | 'disturbed'>;
const UNASKED: Cores = { settle: async () => {}, disturbed: () => [] };

/**
 * Takes stretches of benches again while something else uses the machine or its CPUs lie apart, as long as a budget lasts. A stretch should last a second
 * or more: the counters of shorter ones say little.
 */
export class Retaking {
  readonly #budgetSeconds: number;
  readonly #read: ReadTime;
  readonly #cores: Cores;
  #spentSeconds = 0;
  #stretches = 0;
  readonly #reasons: string[] = [];

  /** @param budgetSeconds for waiting and for everything that is taken more than once. */
  constructor(budgetSeconds: number, cores: Cores = UNASKED, read: ReadTime = readMachineTime) {
    this.#budgetSeconds = budgetSeconds;
    this.#cores = cores;
    this.#read = read;
  }

  /** @returns what `work` gave in each turn, with so many threads; the last turn was quiet, or the budget was over. */
  async take<T>(threads: number, work: () => T | Promise<T>): Promise<T[]> {
    const turns: T[] = [];
    this.#stretches++;
    for (;;) {
      await this.#settle(threads);
      const before = this.#read();
      const began = performance.now();
      turns.push(await work());
      const seconds = (performance.now() - began) / 1000;
      const [reason] = [...disturbedBetween(before, this.#read()), ...this.#cores.disturbed(threads)];
      if (turns.length > 1) this.#spentSeconds += seconds;
      if (reason === undefined) return turns;
      // As long as it took, it will take again.
      if (this.#spentSeconds + seconds > this.#budgetSeconds) {
        this.#reasons.push(reason);
        return turns;
      }
    }
  }

  /** Waits for the CPUs, on the budget: once it is over, what is timed is timed where they are. */
  async #settle(threads: number): Promise<void> {
    if (this.#spentSeconds >= this.#budgetSeconds) return;
    const began = performance.now();
    await this.#cores.settle(threads);
    this.#spentSeconds += (performance.now() - began) / 1000;
  }

  /** @returns what disturbed the stretches that no turn found quiet, or null. */
  get disturbed(): string | null {
    const last = this.#reasons.at(-1);
    return last === undefined
      ? null
      : `${this.#reasons.length} of ${this.#stretches} stretches of benches were disturbed in every turn: ${last}`;
  }
}
