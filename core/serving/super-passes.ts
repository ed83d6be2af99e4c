import { latenciesOf } from './latencies.js';
import type { RequestRecord } from './requests.js';

/**
 * The unit in which a run is judged: a block of requests in the order they were dispatched, large enough to
 * be like every other (docs/steady-state-detection.md of mlcommons/endpoints, §5.1). All in seconds.
 */
export interface SuperPass {
  readonly requests: number;
  readonly firstDispatched: number;
  readonly lastDispatched: number;
  /** Smallest first. TTFT and latency from dispatch. */
  readonly ttft: Float64Array;
  readonly tpot: Float64Array;
  readonly e2e: Float64Array;
}

/** Requests of a super-pass, at least. */
const FEWEST_REQUESTS = 20;
/** And super-passes of a run, at most. */
const MOST_PASSES = 100;

/**
 * How many requests a super-pass has: as many as are on their way at a time, so that one is a turn of every
 * slot; the document finds verdicts robust to the choice, and leaves it open.
 * @param concurrency null = an open loop
 */
export function superPassRequests(requests: number, concurrency: number | null): number {
  return Math.max(FEWEST_REQUESTS, concurrency ?? 0, Math.ceil(requests / MOST_PASSES));
}

/**
 * @returns the super-passes of a run; the last may be smaller. Requests that were never dispatched are in
 *   none.
 */
export function superPasses(requests: readonly RequestRecord[], size: number): SuperPass[] {
  const dispatched = requests
    .filter((request) => request.dispatched !== null)
    .sort((a, b) => a.dispatched! - b.dispatched!);
  const passes: SuperPass[] = [];
  for (let start = 0; start < dispatched.length; start += size) {
    const of = dispatched.slice(start, start + size);
    const latencies = of.map(latenciesOf);
    passes.push({
      requests: of.length,
      firstDispatched: of[0]!.dispatched!,
      lastDispatched: of.at(-1)!.dispatched!,
      ttft: known(latencies.map(({ service }) => service.ttft)),
      tpot: known(latencies.map(({ tpot }) => tpot)),
      e2e: known(latencies.map(({ service }) => service.e2e)),
    });
  }
  return passes;
}

/** Percentile as MLPerf takes it: the value at position ⌊p (n − 1)⌋, no interpolation; null for none. */
export function lowerPercentile(ordered: ArrayLike<number>, p: number): number | null {
  return ordered[Math.floor(p * (ordered.length - 1))] ?? null;
}

function known(values: readonly (number | null)[]): Float64Array {
  return Float64Array.from(values.filter((value) => value !== null)).sort();
}
