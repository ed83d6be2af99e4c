import { quote } from '../core/quote.js';
import { WireError } from './errors.js';
import type { OnRefused } from './refusals.js';

/** Who hears of what is refused, and how often each caller may ask. */
export interface Watching {
  readonly rates?: CallRates;
  readonly onRefused?: OnRefused;
}

/** What one caller may ask in a while. */
export interface RateLimit {
  /** Calls a second, in the long run. */
  readonly perSecond: number;
  /** Calls at once, by who was quiet before. */
  readonly burst: number;
}

interface Bucket {
  left: number;
  at: number;
}

/** Callers that are remembered: names come from a configuration, so there are few. */
const MOST_CALLERS = 10_000;

/** A bucket of calls for each caller, which fills again as time goes by. */
export class CallRates {
  readonly #limit: RateLimit | null;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param limit null = as many as anybody likes. @param now seconds, of a clock that only goes forward. */
  constructor(limit: RateLimit | null, now: () => number = () => performance.now() / 1000) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Takes one call of a caller. @returns null when it may be made, else after how many seconds it may. */
  take(caller: string): number | null {
    if (this.#limit === null) return null;
    const { perSecond, burst } = this.#limit;
    const now = this.#now();
    const bucket = this.#buckets.get(caller) ?? { left: burst, at: now };
    bucket.left = Math.min(burst, bucket.left + (now - bucket.at) * perSecond);
    bucket.at = now;
    // The newest last, so that the first one is who was quiet for longest.
    this.#buckets.delete(caller);
    this.#buckets.set(caller, bucket);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= MOST_CALLERS) break;
      this.#buckets.delete(oldest);
    }
    if (bucket.left < 1) return (1 - bucket.left) / perSecond;
    bucket.left -= 1;
    return null;
  }
}

/** @returns the refusal of a caller that asks more often than it may. */
export function tooOften(name: string, seconds: number): WireError {
  return new WireError('too-often', `${quote(name)} asks too often: ask again in ${Math.ceil(seconds)} s.`);
}
