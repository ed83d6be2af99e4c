import type { Factors } from '../../core/result/factors.js';
import type { StoredRoofs } from '../roofs/store.js';

/** What the rows of a run ask of factors: numbers of threads, and types of weights. */
export interface AskedOfFactors {
  readonly threads: readonly number[];
  readonly types: readonly string[];
}

/** What a run has to fit of one number of threads. */
export interface QuickFit {
  readonly threads: number;
  readonly types: readonly string[];
}

export interface DueFits {
  /** What they are added to; null = they take the place of what is kept. */
  readonly base: Factors | null;
  /** After “how near the engine comes to the roofs of cpu0”; empty the first time. */
  readonly why: string;
  /** At least one. */
  readonly fits: readonly QuickFit[];
}

/** Whose products stand for those of all types with about as many bits. */
const FEW_TYPES = ['f16', 'q8_0', 'q6_k', 'q4_k'];

/**
 * @returns what has changed since factors were fitted, so that they say nothing any more; null where they
 *   hold.
 */
export function changedSince(
  { roofs, engine }: Pick<Factors, 'roofs' | 'engine'>,
  roofsNow: string | null,
  engineNow: string | null,
): string | null {
  if (engineNow !== null && engine !== engineNow) return `the engine (${engine} then, ${engineNow} now)`;
  return roofs === roofsNow ? null : 'the roofs';
}

/**
 * @param stored factors of a device, or null.
 * @param engine that is installed; null = none, or it is not known.
 * @returns what has to be fitted so that no row of a run reaches beyond its factors in threads or types; null
 *   = nothing.
 */
export function dueFits(
  stored: Factors | null,
  roofs: StoredRoofs,
  engine: string | null,
  asked: AskedOfFactors,
): DueFits | null {
  const changed = stored === null ? null : changedSince(stored, roofs.id, engine);
  const base = changed === null ? stored : null;
  const fits = missing(base, asked);
  if (fits.length === 0) return null;
  if (base !== null) return { base, why: `, for ${described(base, fits)}`, fits };
  return { base, why: changed === null ? '' : ` again, since ${changed} changed`, fits };
}

function missing(base: Factors | null, { threads, types }: AskedOfFactors): QuickFit[] {
  return threads.flatMap((count) => {
    const there = base?.threads.find((one) => one.threads === count)?.products;
    const wanted = there === undefined ? [...new Set([...FEW_TYPES, ...types])] : types;
    const lacking = wanted.filter((type) => !(type in (there ?? {})));
    return lacking.length === 0 ? [] : [{ threads: count, types: lacking }];
  });
}

function described(base: Factors, fits: readonly QuickFit[]): string {
  const isNew = ({ threads }: QuickFit) => !base.threads.some((one) => one.threads === threads);
  const counts = [...new Set(fits.filter(isNew).map(({ threads }) => threads))];
  const types = [...new Set(fits.filter((fit) => !isNew(fit)).flatMap((fit) => fit.types))];
  return [
    ...(counts.length === 0
      ? []
      : [`runs on ${counts.join(', ')} ${counts.at(-1) === 1 ? 'thread' : 'threads'}`]),
    ...(types.length === 0 ? [] : [`weights of ${types.join(', ')}`]),
  ].join(' and ');
}

/**
 * @returns both together: what is there stays, and numbers of threads and types of weights that it lacks are
 *   added.
 */
export function withFit(base: Factors, more: Factors): Factors {
  const withThreads = (all: Factors['threads'], { threads }: { readonly threads: number }) =>
    all.find((one) => one.threads === threads);
  const known = new Set(base.evidence.map(({ threads, name }) => `${threads} ${name}`));
  const said = new Set(base.warnings.map(({ message }) => message));
  return {
    ...base,
    threads: [
      ...base.threads.map((one) => ({
        ...one,
        products: { ...withThreads(more.threads, one)?.products, ...one.products },
      })),
      ...more.threads.filter((one) => withThreads(base.threads, one) === undefined),
    ].sort((a, b) => a.threads - b.threads),
    evidence: [
      ...base.evidence,
      ...more.evidence.filter(({ threads, name }) => !known.has(`${threads} ${name}`)),
    ],
    warnings: [...base.warnings, ...more.warnings.filter(({ message }) => !said.has(message))],
    caveats: [...new Set([...base.caveats, ...more.caveats])],
  };
}
