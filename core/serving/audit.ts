import { pairedSigns } from '../../statistics/significance.js';
import type { RequestRecord } from './requests.js';

/**
 * The same prompt asked twice, right after another, as MLPerf's audit test for caching has it
 * (mlcommons/inference, compliance TEST04: one sample again and again may not be more than 10 % faster than
 * unseen ones). What a cache of prefixes saves is time to the first token; one of answers saves time per
 * token, too.
 */
export interface CacheAudit {
  /** Prompts that were answered whole both times. */
  readonly pairs: number;
  readonly firstToken: Speedup | null;
  /** Per token after the first. */
  readonly decode: Speedup | null;
}

export interface Speedup {
  /** How much less time the second took, as a share of the first; negative = more. */
  readonly saved: number;
  /** Probability of as much between equals, exact. */
  readonly p: number;
  /** It is faster by more than the audit allows, and not by chance. */
  readonly cached: boolean;
}

/** Of MLPerf's test. */
const ALLOWED = 0.1;
/** What eight pairs can reach, and seven cannot quite: 1 in 256. */
const ALPHA = 0.005;

/** @param requests each prompt once and then again, in the order they were sent. */
export function auditCaches(requests: readonly RequestRecord[]): CacheAudit {
  const pairs = pairsOf(requests);
  return {
    pairs: pairs.length,
    firstToken: speedup(pairs, firstTokenOf),
    decode: speedup(pairs, decodeOf),
  };
}

/** How much sooner first tokens came than those of new prompts. */
interface KnownPrompts {
  readonly pairs: number;
  /** In the run. */
  readonly run: Speedup;
  /** In the audit, of prompts that were asked a second time. */
  readonly again: Speedup;
}

/**
 * Compares requests of a run with the new prompts of an audit, which are asked alone. Other requests can only
 * delay a first token, so one that comes much sooner belongs to a prompt that the server knew.
 * @param run requests in the order they were sent.
 * @param sharedRatio share of the run's prompt tokens that the load itself shares: a server need not compute
 *   them.
 * @returns null where they took as long as new prompts, or where the server caches no prompts.
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
  // A busy machine or a lower clock during the audit would save some time, too. A cache saves most of what it
  // saves of a repeated prompt.
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

/** @param least share of the first request's time that counts as if nothing had been cached. */
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

/** Also of an answer that comes in one piece, which has no TPOT: an answer from a cache may. */
function decodeOf({ firstToken, done, outputTokens }: RequestRecord): number | null {
  if (firstToken === null || done === null || outputTokens === null || outputTokens < 2) return null;
  return (done - firstToken) / (outputTokens - 1);
}
