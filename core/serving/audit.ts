import { pairedSigns } from '../../statistics/significance.js';
import type { RequestRecord } from './requests.js';

/**
 * Compares the first and second answer to prompts that are sent twice in a row, as MLPerf's audit test for
 * caching does (mlcommons/inference, compliance TEST04: a repeated sample may not be more than 10 % faster
 * than unseen ones). A cache of prefixes saves time to the first token; a cache of answers saves time per
 * token, too.
 */
export interface CacheAudit {
  /** Prompts with a complete answer both times. */
  readonly pairs: number;
  readonly firstToken: Speedup | null;
  /** Per token after the first. */
  readonly decode: Speedup | null;
}

export interface Speedup {
  /** Time that the second answer saved, as a share of the first; negative = it took longer. */
  readonly saved: number;
  /** Exact probability of at least this saving if both were alike. */
  readonly p: number;
  /** Whether it is significantly faster by more than the audit allows. */
  readonly cached: boolean;
}

/** Of MLPerf's test. */
const ALLOWED = 0.1;
/** Significance level: eight pairs can reach a p of 1 in 256, which is below it; seven pairs cannot. */
const ALPHA = 0.005;

/** @param requests each prompt twice in a row, in the order in which they were sent. */
export function auditCaches(requests: readonly RequestRecord[]): CacheAudit {
  const pairs = pairsOf(requests);
  return {
    pairs: pairs.length,
    firstToken: speedup(pairs, firstTokenOf),
    decode: speedup(pairs, decodeOf),
  };
}

/** How much earlier first tokens came than those of new prompts. */
interface KnownPrompts {
  readonly pairs: number;
  /** In the run. */
  readonly run: Speedup;
  /** The speed-up of prompts in the audit that were sent a second time. */
  readonly again: Speedup;
}

/**
 * Compares requests of a load with the new prompts of an audit, which are sent one at a time. Other requests
 * can only delay a first token, so a first token that comes much earlier belongs to a prompt in the server's
 * cache.
 * @param run requests of the load in the order in which they were sent.
 * @param sharedRatio share of the load's prompt tokens that its prompts share, which a server need not
 *   compute.
 * @returns null if they took as long as new prompts, or if the server caches no prompts.
 */
export function firstTokensKnown(
  run: readonly RequestRecord[],
  audit: readonly RequestRecord[],
  sharedRatio: number,
): KnownPrompts | null {
  const asked = pairsOf(audit);
  const again = speedup(asked, firstTokenOf);
  if (!again?.cached) return null;
  const waiting = run.filter(({ outcome }) => outcome === 'complete');
  const pairs = asked.flatMap(([fresh]) => {
    const at = waiting.findIndex(({ promptTokens }) => (promptTokens ?? 0) >= (fresh.promptTokens ?? 0));
    return at < 0 ? [] : [[fresh, ...waiting.splice(at, 1)] as [RequestRecord, RequestRecord]];
  });
  const saved = speedup(pairs, firstTokenOf, 1 - sharedRatio);
  // A busy machine or a lower clock during the audit would look like a small saving, too. A cache saves most
  // of the time that it saves for a repeated prompt.
  if (!saved?.cached || saved.saved < again.saved / 2) return null;
  return { pairs: pairs.length, run: saved, again };
}

type Pair = readonly [fresh: RequestRecord, other: RequestRecord];

function pairsOf(requests: readonly RequestRecord[]): Pair[] {
  return requests.flatMap((fresh, i) => {
    const again = requests[i + 1];
    if (i % 2 === 1 || again === undefined) return [];
    return fresh.outcome === 'complete' && again.outcome === 'complete' ? [[fresh, again] as const] : [];
  });
}

/** @param least the share of the first request's time from which the second counts as not cached. */
function speedup(
  pairs: readonly Pair[],
  of: (request: RequestRecord) => number | null,
  least = 1,
): Speedup | null {
  const times = pairs.flatMap(([fresh, other]) => {
    const [a, b] = [of(fresh), of(other)];
    return a === null || b === null ? [] : [[a * least, b] as const];
  });
  const p = pairedSigns(times.map(([a, b]) => a - b));
  const whole = times.reduce((sum, [a]) => sum + a, 0);
  if (p === null || whole === 0) return null;
  const saved = 1 - times.reduce((sum, [, b]) => sum + b, 0) / whole;
  return { saved, p, cached: saved > ALLOWED && p <= ALPHA };
}

function firstTokenOf({ dispatched, firstToken }: RequestRecord): number | null {
  return dispatched === null || firstToken === null ? null : firstToken - dispatched;
}

/** This also covers an answer that comes in one piece and so has no TPOT, as an answer from a cache may. */
function decodeOf({ firstToken, done, outputTokens }: RequestRecord): number | null {
  if (firstToken === null || done === null || outputTokens === null || outputTokens < 2) return null;
  return (done - firstToken) / (outputTokens - 1);
}
