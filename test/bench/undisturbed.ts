import { Retaking } from '../../agent/cores/retake.js';
import { openBenchCores } from '../../agent/cores/watch.js';

/** For everything that is done more than once. */
const BUDGET_SECONDS = 900;

/**
 * Measures again what was measured while other processes or a hypervisor used the machine, or while the host had moved its CPUs apart:
 * whatever came out of it, so that nothing is chosen by its result.
 */
export class Undisturbed {
  readonly #retaking: Retaking;
  #discarded = 0;

  private constructor(retaking: Retaking) {
    this.#retaking = retaking;
  }

  static async open(): Promise<Undisturbed> {
    return new Undisturbed(new Retaking(BUDGET_SECONDS, await openBenchCores()));
  }

  /** @param threads that it computes with. */
  async take<T>(threads: number, work: () => T | Promise<T>): Promise<T> {
    const turns = await this.#retaking.take(threads, work);
    this.#discarded += turns.length - 1;
    return turns.at(-1)!;
  }

  /** What was measured again, and what stayed disturbed: one sentence for readers of the figures. */
  get words(): string {
    return `${this.#discarded} measured again, for something disturbed them; ${this.#retaking.disturbed ?? 'none stayed disturbed'}`;
  }
}
