import { FailureError, failure, toFailure } from '../../core/errors.js';
import type { BandwidthRoof, ComputeRoof } from '../../core/result/roofs.js';
import { kernelsLibrary } from '../native/kernel-library.js';
import { openRoofsKernels, type RoofsBench } from '../native/roofs.js';
import type { ThreadsPlan } from './plan.js';

/** What the child is asked to measure. */
export interface RoofsJob {
  readonly threads: readonly ThreadsPlan[];
  /** Of each roof in a round. */
  readonly repeats: number;
  /**
   * Rounds over all roofs: a disturbance of seconds spoils one round and not a roof. After `leastRounds`, further ones
   * take the roofs that are not confirmed yet.
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
export type Taken = Roof & { readonly samples: number[] };

export interface TakenRoofs {
  readonly roofs: readonly Taken[];
  /** Why a ceiling is not here, by its name. */
  readonly absent: Readonly<Record<string, string>>;
  /** Level of instructions that the kernels used. */
  readonly instructions: string;
  /** CPU time of this process while it measured, all threads. */
  readonly cpuSeconds: number;
}

const ACCESSES: readonly BandwidthRoof['access'][] = ['read', 'write', 'copy', 'triad'];
const UNITS: readonly ComputeRoof['unit'][] = ['vector', 'matrix'];
const ARITHMETICS: readonly ComputeRoof['arithmetic'][] = ['f64', 'f32', 'bf16', 'f16', 'int8'];
/** Seconds that a repeat lasts at least: thousands of times what starting the threads takes. */
const REPEAT_SECONDS = 0.004;
const LAUNCHES = 500;
/** Processors raise their clocks only after a while. */
const WARM_UP_SECONDS = 0.2;

/** Of the two best: a roof that was reached twice is one, a best value that stands alone may be higher still. */
const AGREEMENT = 0.03;

/** @returns whether the two best samples of a roof agree. Rates are best when high, times when low. */
export function isConfirmed({ kind, samples }: Pick<Taken, 'kind' | 'samples'>): boolean {
  const [best, next] = samples.toSorted((a, b) => (kind === 'launch' ? a - b : b - a));
  return best !== undefined && next !== undefined && Math.abs(best - next) <= AGREEMENT * best;
}

/** With more threads a rate that is lower than this share of one with fewer was disturbed all the time. */
const DROP = 0.95;

/** @returns whether nothing speaks against a roof: it is confirmed, and no lower than the same with fewer threads. */
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
  const library = kernelsLibrary();
  if (library === null) {
    const hint = 'ridge doctor says how to get it';
    throw new FailureError(failure('engine-missing', 'roofs need the native library', { hint }));
  }
  const kernels = await openRoofsKernels(library);
  const taking = new Taking(job.repeats);
  const began = performance.now();
  const cpuBefore = process.cpuUsage();
  const parts = job.leastRounds * job.threads.length;
  for (let round = 0; round < job.mostRounds; round++) {
    const elapsed = (performance.now() - began) / 1000;
    const later = round >= job.leastRounds;
    // As long as the rounds before took on average, the next will take.
    if (round > 0 && elapsed * (1 + 1 / round) > job.secondsForRounds) break;
    if (later && taking.unsettled().size === 0) break;
    for (const [index, plan] of job.threads.entries()) {
      const unsettled = taking.unsettled();
      if (later && ![...unsettled].some((roof) => roof.threads === plan.cpus.length)) continue;
      taking.only = later ? (roof) => unsettled.has(roof) : () => true;
      const bench = kernels.open(plan.cpus, Math.max(...Object.values(plan.bytes)));
      try {
        bench.compute('f32', 'vector', WARM_UP_SECONDS, 1);
        taking.round(bench, plan);
      } finally {
        bench.close();
      }
      progress(Math.min(parts, round * job.threads.length + index + 1), parts);
      // Messages, and the end of the parent, are heard between two numbers of threads.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    roofs: taking.roofs,
    absent: taking.absent,
    instructions: kernels.levels.inUse(),
    cpuSeconds: (user + system) / 1e6,
  };
}

/** What has been measured so far. */
class Taking {
  readonly absent: Record<string, string> = {};
  /** Which of the known roofs the next round takes again. */
  only: (roof: Taken) => boolean = () => true;
  readonly #known = new Map<string, Taken>();
  readonly #repeats: number;

  constructor(repeats: number) {
    this.#repeats = repeats;
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
      for (const access of ACCESSES) {
        for (const stores of storesOf(level, access)) {
          const what = { access, streaming: stores === 'streaming', bytes: each };
          const workingSetBytes = Math.floor(each) * threads;
          const roof = { kind: 'bandwidth', level, access, stores, threads, workingSetBytes } as const;
          this.#take(
            `${level} ${access} ${stores} ${threads}`,
            roof,
            () => bench.bandwidth(what, REPEAT_SECONDS, this.#repeats).rates,
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
    this.#take(`launch ${threads}`, { kind: 'launch', threads }, () => bench.launch(LAUNCHES, this.#repeats));
  }

  #take(key: string, roof: Roof, measure: () => number[] | null): void {
    const known = this.#known.get(key);
    if (known !== undefined && !this.only(known)) return;
    const samples = measure();
    if (samples === null) return;
    if (known === undefined) this.#known.set(key, { ...roof, samples });
    else known.samples.push(...samples);
  }
}

/** Stores past the caches are for memory alone. */
function storesOf(level: BandwidthRoof['level'], access: BandwidthRoof['access']) {
  return level === 'memory' && access !== 'read'
    ? (['regular', 'streaming'] as const)
    : (['regular'] as const);
}

/** A product that comes out wrong is no ceiling, and no reason to give up the others. */
function ratesOf(
  bench: RoofsBench,
  arithmetic: ComputeRoof['arithmetic'],
  unit: ComputeRoof['unit'],
  repeats: number,
  absent: Record<string, string>,
): number[] | null {
  try {
    const rates = bench.compute(arithmetic, unit, REPEAT_SECONDS, repeats);
    if (rates === null)
      absent[`${arithmetic} ${unit}`] = 'no instructions for it here, or no kernel that uses them';
    return rates;
  } catch (error) {
    absent[`${arithmetic} ${unit}`] = toFailure(error).message;
    return null;
  }
}
