import { failed, toFailure } from '../../core/errors.js';
import type { BandwidthRoof, ComputeRoof } from '../../core/result/roofs.js';
import { measuringLibrary } from '../../engines/native/kernel-library.js';
import { openRoofsKernels, type RoofsBench } from '../../engines/native/roofs.js';
import { CLOCK_CHANGE } from '../../judgement/disturbance.js';
import { disturbedBetween, readMachineTime } from './machine.js';
import type { ThreadsPlan } from './plan.js';

/** What the child is asked to measure. */
export interface RoofsJob {
  readonly threads: readonly ThreadsPlan[];
  readonly accesses: readonly BandwidthRoof['access'][];
  /** Of each roof in a round. */
  readonly repeats: number;
  /**
   * Rounds over all roofs: a disturbance of seconds spoils one round and not a roof. After `leastRounds`,
   * further ones take the roofs that are not confirmed yet.
   */
  readonly leastRounds: number;
  readonly mostRounds: number;
  /** No further round begins that would end later than this. */
  readonly secondsForRounds: number;
}

type Roof =
  | {
      readonly kind: 'bandwidth';
      readonly level: BandwidthRoof['level'];
      readonly access: BandwidthRoof['access'];
      readonly stores: 'regular' | 'streaming';
      readonly threads: number;
      readonly workingSetBytes: number;
    }
  | {
      readonly kind: 'compute';
      readonly arithmetic: ComputeRoof['arithmetic'];
      readonly unit: ComputeRoof['unit'];
      readonly threads: number;
    }
  | { readonly kind: 'launch'; readonly threads: number };

/** A roof with its samples of all rounds, in order. */
export type Taken = Roof & {
  readonly samples: number[];
  /** Of an arithmetic, the instruction set of the fastest kernel. */
  readonly instructions?: string;
};

export interface TakenRoofs {
  readonly roofs: readonly Taken[];
  /** Why a ceiling is not here, by its name. */
  readonly absent: Readonly<Record<string, string>>;
  /** Level of instructions that the kernels used. */
  readonly instructions: string;
  /** What disturbed those numbers of threads that no round could take undisturbed, one sentence each. */
  readonly disturbed: readonly string[];
}

const UNITS: readonly ComputeRoof['unit'][] = ['vector', 'matrix'];
const ARITHMETICS: readonly ComputeRoof['arithmetic'][] = ['f64', 'f32', 'bf16', 'f16', 'int8'];
/** Seconds that a repeat lasts at least: thousands of times what starting the threads takes. */
const REPEAT_SECONDS = 0.004;
const LAUNCHES = 500;
/** Processors raise their clocks only after a while. */
const WARM_UP_SECONDS = 0.2;

/**
 * Of the two best: a roof that was reached twice is one, a best value that stands alone may be higher still.
 */
const AGREEMENT = 0.03;

/** @returns whether the two best samples of a roof agree. Rates are best when high, times when low. */
export function isConfirmed({ kind, samples }: Pick<Taken, 'kind' | 'samples'>): boolean {
  const [best, next] = samples.toSorted((a, b) => (kind === 'launch' ? a - b : b - a));
  return best !== undefined && next !== undefined && Math.abs(best - next) <= AGREEMENT * best;
}

/** With more threads a rate that is lower than this share of one with fewer was disturbed all the time. */
const DROP = 0.95;

/**
 * @returns whether nothing speaks against a roof: it is confirmed, and no lower than the same with fewer
 *   threads.
 */
export function isSettled(roof: Taken, all: readonly Taken[]): boolean {
  if (!isConfirmed(roof) || roof.kind === 'launch') return isConfirmed(roof);
  const best = Math.max(...roof.samples);
  return !all.some(
    (other) =>
      other.threads < roof.threads &&
      nameOf(other) === nameOf(roof) &&
      DROP * Math.max(...other.samples) > best,
  );
}

/** Of what was measured, without the number of threads. */
function nameOf(roof: Taken): string {
  if (roof.kind === 'launch') return 'launch';
  return roof.kind === 'compute'
    ? `${roof.arithmetic} ${roof.unit}`
    : `${roof.level} ${roof.access} ${roof.stores}`;
}

/**
 * Measures everything that was asked for; in a child process.
 * @param progress roofs done, of how many; a round that takes only some of them counts as one that takes all.
 * @throws FailureError `engine-missing` without the native library.
 */
export async function takeRoofs(
  job: RoofsJob,
  progress: (done: number, of: number) => void,
): Promise<TakenRoofs> {
  const library = measuringLibrary();
  if (library === null)
    throw failed('engine-missing', 'roofs need the native library', 'ridge doctor says how to get it');
  const kernels = await openRoofsKernels(library);
  const taking = new Taking(job);
  const quiet = new QuietRounds();
  const began = performance.now();
  const parts = job.leastRounds * job.threads.length;
  for (let round = 0; round < job.mostRounds; round++) {
    const elapsed = (performance.now() - began) / 1000;
    const later = round >= job.leastRounds;
    // As long as the rounds before took on average, the next will take.
    if (round > 0 && elapsed * (1 + 1 / round) > job.secondsForRounds) break;
    if (later && taking.unsettled().size === 0) break;
    for (const [index, plan] of job.threads.entries()) {
      const unsettled = taking.unsettled();
      const threads = plan.cpus.length;
      if (later && ![...unsettled].some((roof) => roof.threads === threads)) continue;
      taking.isTakenAgain = later ? (roof) => unsettled.has(roof) : () => true;
      const before = readMachineTime();
      const bench = kernels.open(plan.cpus, Math.max(...Object.values(plan.bytes)));
      try {
        bench.compute('f32', 'vector', WARM_UP_SECONDS, 1);
        taking.round(bench, plan);
        // What the clock, or the share of the cores, has come to: the same work at the end of every round.
        const [rate = 0] = bench.compute('f32', 'vector', REPEAT_SECONDS, 1)?.rates ?? [];
        quiet.note(threads, { rate, reasons: disturbedBetween(before, readMachineTime()) });
      } finally {
        bench.close();
      }
      progress(Math.min(parts, round * job.threads.length + index + 1), parts);
      // Messages, and the end of the parent, are heard between two numbers of threads.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return {
    roofs: taking.roofs,
    absent: taking.absent,
    instructions: kernels.levels.inUse(),
    // The best of all rounds is the roof: one that nothing disturbed is enough.
    disturbed: quiet.disturbed(1),
  };
}

/** A round of one number of threads. */
interface Round {
  /** Of the same work in each, in operations per second. */
  readonly rate: number;
  readonly reasons: readonly string[];
}

/** Which rounds were taken while nothing else used the machine and its clock held. */
export class QuietRounds {
  readonly #rounds = new Map<number, Round[]>();

  note(threads: number, round: Round): void {
    this.#rounds.set(threads, [...(this.#rounds.get(threads) ?? []), round]);
  }

  /** @returns how many there are of a number of threads. */
  undisturbedRounds(threads: number): number {
    const rounds = this.#rounds.get(threads) ?? [];
    return rounds.filter((round) => this.#reasons(rounds, round).length === 0).length;
  }

  /** @returns for each number of threads without so many, what disturbed the last of its rounds that was. */
  disturbed(least: number): string[] {
    return [...this.#rounds].flatMap(([threads, rounds]) => {
      const quiet = this.undisturbedRounds(threads);
      if (quiet >= least) return [];
      const reasons = rounds
        .map((round) => this.#reasons(rounds, round))
        .findLast(({ length }) => length > 0);
      const of = rounds.length === 1 ? '1 round' : `${rounds.length} rounds`;
      const by = threads === 1 ? '1 thread' : `${threads} threads`;
      return (reasons ?? []).map((reason) => `${quiet} of ${of} with ${by} undisturbed: ${reason}`);
    });
  }

  #reasons(rounds: readonly Round[], { rate, reasons }: Round): string[] {
    const best = Math.max(...rounds.map((round) => round.rate));
    const drop = 1 - rate / best;
    return drop > CLOCK_CHANGE
      ? [...reasons, `the clock, or the share of the cores, fell by ${(100 * drop).toFixed(0)} %`]
      : [...reasons];
  }
}

/** What has been measured so far. */
class Taking {
  readonly absent: Record<string, string> = {};
  /** Which of the known roofs the next round takes again. */
  isTakenAgain: (roof: Taken) => boolean = () => true;
  readonly #known = new Map<string, Taken>();
  readonly #repeats: number;
  readonly #accesses: RoofsJob['accesses'];

  constructor({ repeats, accesses }: Pick<RoofsJob, 'repeats' | 'accesses'>) {
    this.#repeats = repeats;
    this.#accesses = accesses;
  }

  get roofs(): Taken[] {
    return [...this.#known.values()];
  }

  unsettled(): Set<Taken> {
    const all = this.roofs;
    return new Set(all.filter((roof) => !isSettled(roof, all)));
  }

  round(bench: RoofsBench, { cpus, bytes }: ThreadsPlan): void {
    const threads = cpus.length;
    for (const [level, each] of Object.entries(bytes) as [BandwidthRoof['level'], number][]) {
      for (const access of this.#accesses) {
        for (const stores of storesOf(level, access)) {
          const what = { access, streaming: stores === 'streaming', bytes: each };
          const workingSetBytes = Math.floor(each) * threads;
          const roof = { kind: 'bandwidth', level, access, stores, threads, workingSetBytes } as const;
          this.#take(`${level} ${access} ${stores} ${threads}`, roof, () =>
            bench.bandwidth(what, REPEAT_SECONDS, this.#repeats),
          );
        }
      }
    }
    for (const unit of UNITS) {
      for (const arithmetic of ARITHMETICS) {
        const roof = { kind: 'compute', arithmetic, unit, threads } as const;
        this.#take(`${arithmetic} ${unit} ${threads}`, roof, () =>
          ratesOf(bench, arithmetic, unit, this.#repeats, this.absent),
        );
      }
    }
    const launches = () => ({ rates: bench.launch(LAUNCHES, this.#repeats) });
    this.#take(`launch ${threads}`, { kind: 'launch', threads }, launches);
  }

  #take(key: string, roof: Roof, measure: () => Rates | null): void {
    const known = this.#known.get(key);
    if (known !== undefined && !this.isTakenAgain(known)) return;
    const found = measure();
    if (found === null) return;
    const { rates, instructions } = found;
    const samples = [...(known?.samples ?? []), ...rates];
    // Of several rounds, the kernel that reached the most.
    const isBest = known === undefined || Math.max(...rates) > Math.max(...known.samples);
    const by = isBest ? instructions : known.instructions;
    this.#known.set(key, { ...roof, samples, ...(by === undefined ? {} : { instructions: by }) });
  }
}

interface Rates {
  readonly rates: readonly number[];
  readonly instructions?: string;
}

/** Stores past the caches are for memory alone. */
function storesOf(level: BandwidthRoof['level'], access: BandwidthRoof['access']) {
  return (['regular', 'streaming'] as const).slice(0, level === 'memory' && access !== 'read' ? 2 : 1);
}

/** A product that comes out wrong is no ceiling, and no reason to give up the others. */
function ratesOf(
  bench: RoofsBench,
  arithmetic: ComputeRoof['arithmetic'],
  unit: ComputeRoof['unit'],
  repeats: number,
  absent: Record<string, string>,
): Rates | null {
  try {
    const found = bench.compute(arithmetic, unit, REPEAT_SECONDS, repeats);
    if (found === null)
      absent[`${arithmetic} ${unit}`] = 'no instructions for it here, or no kernel that uses them';
    return found;
  } catch (error) {
    absent[`${arithmetic} ${unit}`] = toFailure(error).message;
    return null;
  }
}
