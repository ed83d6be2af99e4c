import { setTimeout as sleep } from 'node:timers/promises';
import { DISTURBANCE_LIMITS, type DisturbanceLimits } from '../../core/experiment/experiment.js';
import { distantCores, sharedCores } from '../../core/judgement/disturbance.js';
import { readAffinity } from '../device/affinity.js';
import { type CoresFound, openCores, type ReadCores } from '../native/cores.js';
import { FEWEST, isPlacedAsUsual, liesAsUsual, placeOf, UsualCores } from './usual.js';

/** Longest wait for CPUs to lie as usual. After it work is timed where they are, and judged for it. */
const WAIT_SECONDS = 5;
/** CPUs that wake up may share a core for some milliseconds, until their host has seen that both are busy: read so often, they are. */
const READS = 25;
/** A host puts CPUs elsewhere when they wake up after they were idle for a while. */
const IDLE_SECONDS = 0.5;

type Idle = (seconds: number) => Promise<void>;

/** The cores under some CPUs, while something is timed on these. */
export class CoresWatch {
  readonly #ask: ReadCores;
  readonly #cpus: readonly number[];
  readonly #usual: Pick<UsualCores, 'known'>;
  readonly #limits: DisturbanceLimits;
  readonly #idle: Idle;
  #vain = false;

  /**
   * @param usual how they usually lie, as far as it is known by then.
   * @param limits what is waited for, because more would be judged.
   */
  constructor(
    ask: ReadCores,
    cpus: readonly number[],
    usual: Pick<UsualCores, 'known'>,
    limits = DISTURBANCE_LIMITS,
    idle: Idle = (seconds) => sleep(seconds * 1000),
  ) {
    this.#ask = ask;
    this.#cpus = cpus;
    this.#usual = usual;
    this.#limits = limits;
    this.#idle = idle;
  }

  /**
   * Asks those that were busy till now, again only where they do not lie as usual: what somebody else takes of their cores is looked at
   * once, for he may come and go, and a look that waits until he is gone never sees him.
   * @returns null where it cannot be told.
   */
  look(): CoresFound | null {
    return this.#until(isPlacedAsUsual);
  }

  /** Asks those that were idle, until they lie as usual and have their cores to themselves. @returns null where it cannot be told. */
  read(): CoresFound | null {
    return this.#until(liesAsUsual);
  }

  #until(isUsual: typeof liesAsUsual): CoresFound | null {
    let found = this.#ask(this.#cpus);
    for (let again = 1; again < READS && !this.#as(isUsual, found); again++) found = this.#ask(this.#cpus);
    return found;
  }

  /** Waits until they lie as usual, within limits; not again after a wait in vain, until they did. @returns how they lie then. */
  async settle(stopped = () => false): Promise<CoresFound | null> {
    let found = this.read();
    for (let waited = 0; waited < WAIT_SECONDS && !this.#vain; waited += IDLE_SECONDS) {
      if (this.#as(liesAsUsual, found) || stopped()) break;
      await this.#idle(IDLE_SECONDS);
      found = this.read();
    }
    this.#vain = !this.#as(liesAsUsual, found);
    return found;
  }

  #as(isUsual: typeof liesAsUsual, found: CoresFound | null): boolean {
    return found === null || isUsual({ cpus: this.#cpus, ...found }, this.#usual.known(), this.#limits);
  }
}

/**
 * CPUs that benches run on: how they usually lie is learned as they go. One thread waits for no other and shares its core with none of
 * ours: nothing is asked for it.
 */
export class BenchCores {
  readonly #watch: CoresWatch;
  readonly #cpus: readonly number[];
  readonly #usual = new UsualCores(null, 'these benches');

  constructor(ask: ReadCores, cpus: readonly number[], idle?: Idle) {
    this.#watch = new CoresWatch(ask, cpus, this.#usual, DISTURBANCE_LIMITS, idle);
    this.#cpus = cpus;
  }

  async settle(threads: number): Promise<void> {
    if (threads > 1) this.#learn(await this.#watch.settle());
  }

  /** @returns what is out of place now, one sentence each; by the limits that trials have. */
  disturbed(threads: number): string[] {
    const found = threads > 1 ? this.#learn(this.#watch.read()) : null;
    if (found === null) return [];
    const { share, latencyRatio } = placeOf({ cpus: this.#cpus, ...found }, this.#usual.known());
    return [...sharedCores(share, DISTURBANCE_LIMITS), ...distantCores(latencyRatio, DISTURBANCE_LIMITS)].map(
      ({ message }) => message,
    );
  }

  /** Once for all readings of a moment: those that were taken because the first was unusual would make that the usual. */
  #learn(found: CoresFound | null): CoresFound | null {
    if (found !== null) this.#usual.learn([{ cpus: this.#cpus, ...found }]);
    return found;
  }
}

/** @returns what looks at the CPUs that this process may run on, after the engine was opened; undefined where the system does not name them. */
export async function openBenchCores(): Promise<BenchCores | undefined> {
  const cpus = readAffinity('self');
  if (cpus === null) return undefined;
  // A library that does not open is told of by the benches that need it.
  const ask = await openCores().catch(() => () => null);
  const cores = new BenchCores(ask, cpus);
  // As they lie now, until more is known; of those that just woke up the first readings are few among so many.
  for (let reading = 0; reading < 3 * FEWEST; reading++) cores.disturbed(cpus.length);
  return cores;
}
