import type { Objective } from '../../core/serving/slo.js';
import type { TokenLoad } from '../load.js';
import type { TokenRequest } from '../request.js';
import { type Count, Trials } from './attain.js';
import { demandOf, leastReplicas } from './demand.js';
import type { Sized } from './search.js';

/** What a part of a trace needs by itself. */
export interface LoadWindow {
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly requests: number;
  /** 0 where nobody asks; null = more than `most`. */
  readonly replicas: number | null;
}

const MOST_WINDOWS = 96;
const MOST_REPLICAS = 1024;

/** @returns seconds by which a trace has about a dozen windows, of a length that people say. */
export function usualWindow(seconds: number): number {
  const lengths = [10, 30, 60, 300, 600, 900, 1800, 3600, 2 * 3600, 6 * 3600, 86_400];
  return lengths.find((length) => seconds / length <= 13) ?? Math.ceil(seconds / 12);
}

/**
 * The fewest replicas for each window of a trace, which begins idle each time. Conversations are in the
 * window in which they begin.
 * @returns a sentence where there would be too many windows.
 */
export function replicasOverTime(
  { predicted }: Pick<Sized, 'predicted'>,
  load: TokenLoad,
  objectives: readonly Objective[],
  windowSeconds: number,
  count: Count,
): LoadWindow[] | string {
  const windows = new Map<number, TokenRequest[]>();
  let [conversation, place, last]: [number | null, number, number] = [null, 0, 0];
  for (const request of load.requests) {
    const goesOn = request.conversation !== null && request.conversation === conversation;
    if (!goesOn) place = Math.floor((request.atSeconds ?? 0) / windowSeconds);
    conversation = request.conversation;
    last = Math.max(last, place);
    const known = windows.get(place);
    if (known === undefined) windows.set(place, [request]);
    else known.push(request);
  }
  if (last >= MOST_WINDOWS)
    return `the trace has ${last + 1} windows of ${windowSeconds} s, and ${MOST_WINDOWS} are looked at: name longer ones`;
  return Array.from({ length: last + 1 }, (_, i): LoadWindow => {
    const [fromSeconds, toSeconds] = [i * windowSeconds, (i + 1) * windowSeconds];
    const requests = (windows.get(i) ?? []).map((one) => ({
      ...one,
      atSeconds: one.atSeconds === null ? null : one.atSeconds - fromSeconds,
    }));
    const common = { fromSeconds, toSeconds, requests: requests.length };
    if (requests.length === 0) return { ...common, replicas: 0 };
    const part = { ...load, requests };
    const least = leastReplicas(predicted, demandOf(part), objectives);
    const trials = new Trials(predicted.server, part, objectives, count);
    const found = typeof least === 'number' ? trials.fewest(least, MOST_REPLICAS) : null;
    return { ...common, replicas: found?.replicas ?? null };
  });
}
