import type { Labels, NativeBuckets } from '../../core/metrics/families.js';

/**
 * Eight buckets for each doubling: any quantile is exact to 9 %. That is how finely Prometheus' own client libraries
 * divide, too.
 */
const SCHEMA = 3;
/** The same as Prometheus' clients: the smallest power of two that a normal 32-bit float holds. */
const ZERO_THRESHOLD = 2 ** -128;

/**
 * Exponential buckets, by labels, of observations that a classic histogram counts, too: what a native histogram of
 * Prometheus is made of (prometheus.io/docs/specs/native_histograms). Only buckets that hold something take memory.
 */
export class NativeCounts {
  readonly #series = new Map<string, { zero: number; counts: Map<number, number> }>();

  observeAll(labels: Labels, values: readonly number[]): void {
    const key = keyOf(labels);
    let one = this.#series.get(key);
    if (one === undefined) {
      one = { zero: 0, counts: new Map() };
      this.#series.set(key, one);
    }
    for (const value of values) {
      if (value <= ZERO_THRESHOLD) one.zero += 1;
      else {
        const index = nativeIndex(value);
        one.counts.set(index, (one.counts.get(index) ?? 0) + 1);
      }
    }
  }

  forget(labels: Labels): void {
    this.#series.delete(keyOf(labels));
  }

  of(labels: Labels): NativeBuckets {
    const one = this.#series.get(keyOf(labels));
    return {
      schema: SCHEMA,
      zeroThreshold: ZERO_THRESHOLD,
      zeroCount: one?.zero ?? 0,
      counts: [...(one?.counts ?? [])].sort(([a], [b]) => a - b),
    };
  }
}

/** @returns the bucket of a positive value: the least `i` with value ≤ 2^(i/8). */
export function nativeIndex(value: number): number {
  const index = Math.ceil(Math.log2(value) * 2 ** SCHEMA);
  // A rounded logarithm can land on the wrong side of a bound; the bound itself decides.
  if (2 ** ((index - 1) / 2 ** SCHEMA) >= value) return index - 1;
  return 2 ** (index / 2 ** SCHEMA) < value ? index + 1 : index;
}

/** Runs of neighbouring buckets and differences of counts, as both of Prometheus' protocols write them. */
export interface Spans {
  /** `offset` from the end of the run before, or of the first from 0; `length` buckets. */
  readonly spans: readonly { readonly offset: number; readonly length: number }[];
  /** Of each bucket's count to the one before. */
  readonly deltas: readonly number[];
}

export function spansOf({ counts }: NativeBuckets): Spans {
  const spans: { offset: number; length: number }[] = [];
  const deltas: number[] = [];
  let next = 0;
  let before = 0;
  for (const [index, count] of counts) {
    const last = spans.at(-1);
    if (last !== undefined && index === next) last.length += 1;
    else spans.push({ offset: index - next, length: 1 });
    next = index + 1;
    deltas.push(count - before);
    before = count;
  }
  return { spans, deltas };
}

/** @returns one text for one set of labels, in whatever order they come. */
export function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
