import { pairedSigns } from '../../statistics/significance.js';
import type { RequestRecord } from './requests.js';

/**
 * The same prompt asked twice, right after another, as MLPerf's audit test for caching has it (mlcommons/inference, compliance TEST04:
 * one sample again and again may not be more than 10 % faster than unseen ones). What a cache of prefixes saves is time to the first token; one of
 * answers saves time per token, too.
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
  const pairs = requests.flatMap((fresh, i) => {
    const again = requests[i + 1];
    if (i % 2 === 1 || again === undefined) return [];
    return fresh.outcome === 'complete' && again.outcome === 'complete' ? [[fresh, again] as const] : [];
  });
  const speedup = (of: (request: RequestRecord) => number | null): Speedup | null => {
    const times = pairs.flatMap(([fresh, again]) => {
      const [a, b] = [of(fresh), of(again)];
      return a === null || b === null ? [] : [[a, b] as const];
    });
    const p = pairedSigns(times.map(([a, b]) => a - b));
    const whole = times.reduce((sum, [a]) => sum + a, 0);
    if (p === null || whole === 0) return null;
    const saved = 1 - times.reduce((sum, [, b]) => sum + b, 0) / whole;
    return { saved, p, cached: saved > ALLOWED && p <= ALPHA };
  };
  return { pairs: pairs.length, firstToken: speedup(firstTokenOf), decode: speedup(decodeOf) };
}

function firstTokenOf({ dispatched, firstToken }: RequestRecord): number | null {
  return dispatched === null || firstToken === null ? null : firstToken - dispatched;
}

/** Also of an answer that comes in one piece, which has no TPOT: an answer from a cache may. */
function decodeOf({ firstToken, done, outputTokens }: RequestRecord): number | null {
  if (firstToken === null || done === null || outputTokens === null || outputTokens < 2) return null;
  return (done - firstToken) / (outputTokens - 1);
}
