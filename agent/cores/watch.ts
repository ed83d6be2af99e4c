import { setTimeout as sleep } from 'node:timers/promises';
import { DISTURBANCE_LIMITS } from '../../core/experiment/experiment.js';
import { distantCores, sharedCores } from '../../core/judgement/disturbance.js';
import { readAffinity } from '../device/affinity.js';
import { type CoresFound, openCores, type ReadCores } from '../native/cores.js';
import { type CoresReading, liesAsUsual, UsualCores } from './usual.js';

/** Longest wait for CPUs to lie as usual. After it work is timed where they are, and judged for it. */
const WAIT_SECONDS = 5;
/** A host puts CPUs elsewhere when they wake up after they were idle for a while. */
const IDLE_SECONDS = 0.5;

type Idle = (seconds: number) => Promise<void>;

/** The cores under some CPUs, while something is timed on these. */
export class CoresWatch {
  readonly #ask: ReadCores;
  readonly #cpus: readonly number[];
  readonly #usual: Pick<UsualCores, 'known'>;
  readonly #idle: Idle;

  /** @param usual how they usually lie, as far as it is known by then. */
  constructor(
    ask: ReadCores,
    cpus: readonly number[],
    usual: Pick<UsualCores, 'known'>,
    idle: Idle = (seconds) => sleep(seconds * 1000),
  ) {
    this.#ask = ask;
    this.#cpus = cpus;
    this.#usual = usual;
    this.#idle = idle;
  }

  /** @returns how they lie now; null where that cannot be told. */
  read(): CoresFound | null {
    return this.#ask(this.#cpus);
  }

  /** Waits until they lie as usual, within limits. @returns how they lie then. */
  async settle(stopped = () => false): Promise<CoresFound | null> {
    let found = this.read();
    for (let waited = 0; waited < WAIT_SECONDS; waited += IDLE_SECONDS) {
      if (found === null || liesAsUsual({ cpus: this.#cpus, ...found }, this.#usual.known())) break;
      if (stopped()) break;
      await this.#idle(IDLE_SECONDS);
      found = this.read();
    }
    return found;
  }
}

/** CPUs that benches run on: how they usually lie is learned as they go. */
export class BenchCores {
  readonly #watch: CoresWatch;
  readonly #cpus: readonly number[];
  readonly #usual: UsualCores;

  constructor(ask: ReadCores, cpus: readonly number[], usual: UsualCores, idle?: Idle) {
    this.#watch = new CoresWatch(ask, cpus, usual, idle);
    this.#cpus = cpus;
    this.#usual = usual;
  }

  async settle(): Promise<void> {
    this.#disturbed(await this.#watch.settle());
  }

  /** @returns what is out of place now, one sentence each; by the limits that trials have. */
  disturbed(): string[] {
    return this.#disturbed(this.#watch.read());
  }

  #disturbed(found: CoresFound | null): string[] {
    if (found === null) return [];
    const reading: CoresReading = { seconds: 0, cpus: this.#cpus, ...found };
    const series = this.#usual.series([reading]);
    const foundOf = (quantity: string) => series.find((one) => one.quantity === quantity)?.values[0] ?? null;
    return [
      ...sharedCores(foundOf('coreShareRatio'), DISTURBANCE_LIMITS),
      ...distantCores(foundOf('coreLatencyRatio')),
    ].map(({ message }) => message);
  }
}

/** @returns what looks at the CPUs that this process may run on, after the engine was opened; undefined where the system does not name them. */
export async function openBenchCores(): Promise<BenchCores | undefined> {
  const cpus = readAffinity('self');
  if (cpus === null) return undefined;
  // A library that does not open is told of by the benches that need it.
  const ask = await openCores().catch(() => () => null);
  return new BenchCores(ask, cpus, new UsualCores(null, 'these benches'));
}
