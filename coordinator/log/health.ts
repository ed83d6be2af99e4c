import type { Failure } from '../../core/errors.js';
import type { Fact } from './log.js';

/** While the log takes nothing, it is tried this often: nobody may have anything to bring just now. */
const TRY_SECONDS = 5;
/** What is tried at least and at most. */
const LEAST_BYTES = 64 * 1024;
const MOST_BYTES = 64 * 1024 * 1024;

interface Outage {
  readonly since: number;
  /** Newest reason. */
  readonly failure: Failure;
  readonly refused: number;
  /** The largest append that was refused. */
  readonly bytes: number;
  readonly triedAt: number;
}

export interface HealthListener {
  /** The log has refused an append, and took the last one before. */
  readonly failed?: (failure: Failure) => void;
  /** It takes again what it refused. */
  readonly recovered?: (seconds: number, refused: number) => void;
}

/**
 * Whether the log takes what is written. It does not from the first append that it refuses until one of that
 * size goes through again: that a small one still fits says nothing about the results that wait. A record
 * that no log would take (`too-large`) says nothing either.
 */
export class LogHealth {
  readonly #listener: HealthListener;
  #outage: Outage | null = null;
  #refused = 0;

  constructor(listener: HealthListener) {
    this.#listener = listener;
  }

  /** Why the log takes nothing now; null = it does. */
  get failure(): Failure | null {
    return this.#outage?.failure ?? null;
  }

  /** Appends that were refused since the start. */
  get refusedAppends(): number {
    return this.#refused;
  }

  refused(failure: Failure, facts: readonly Fact[], now: number): void {
    if (failure.code === 'too-large') return;
    this.#refused += 1;
    const before = this.#outage;
    this.#outage = {
      since: before?.since ?? now,
      failure,
      refused: (before?.refused ?? 0) + 1,
      bytes: Math.max(before?.bytes ?? 0, bytesOf(facts)),
      triedAt: now,
    };
    if (before === null) this.#listener.failed?.(failure);
  }

  took(facts: readonly Fact[], now: number): void {
    if (this.#outage !== null && bytesOf(facts) >= this.#outage.bytes) this.#recover(this.#outage, now);
  }

  /** @returns how large an append has to be tried now; null = none. */
  due(now: number): number | null {
    if (this.#outage === null || now - this.#outage.triedAt < TRY_SECONDS) return null;
    return Math.min(MOST_BYTES, Math.max(LEAST_BYTES, this.#outage.bytes));
  }

  /** @param failure why the log took nothing when it was tried; null = it did. */
  tried(failure: Failure | null, now: number): void {
    if (this.#outage === null) return;
    if (failure === null) this.#recover(this.#outage, now);
    else this.#outage = { ...this.#outage, failure, triedAt: now };
  }

  #recover({ since, refused }: Outage, now: number): void {
    this.#outage = null;
    this.#listener.recovered?.(now - since, refused);
  }
}

function bytesOf(facts: readonly Fact[]): number {
  return facts.reduce((sum, fact) => sum + JSON.stringify(fact).length, 0);
}
