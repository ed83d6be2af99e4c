import { FAILURES } from '../../core/errors.js';
import type { ResultHead } from '../log/log.js';
import type { Tries } from './state.js';

/** What a record means for its point. */
export type Verdict =
  /** Settled by this record. */
  | { readonly verdict: 'complete' }
  /** No attempt left, or none would help: settled by the newest invalid record. */
  | { readonly verdict: 'invalid'; readonly trialId: string }
  /** Settled without a usable record; needs the fact ExperimentGivenUp. */
  | { readonly verdict: 'give-up'; readonly reason: string }
  | { readonly verdict: 'again' };

/** A reason is kept in memory for each point that was given up; its record has the whole of it. */
const REASON_CHARACTERS = 1000;
/** Stopped on purpose or lost on the way: says nothing about the experiment, so it costs no attempt. */
const BLAMELESS: ReadonlySet<string> = new Set(['cancelled', 'lease-lost']);

/**
 * The retry policy: `never` gives up at once, `elsewhere` costs no attempt but closes the node, `later` and
 * invalid rows are tried `retries` times again.
 * @param tries what was tried before this record; it is not changed.
 */
export function judge(record: ResultHead, tries: Tries | undefined, retries: number): Verdict {
  if (record.status === 'complete' && record.valid) return { verdict: 'complete' };
  const invalid = record.status === 'complete' ? record.trialId : (tries?.invalidTrialId ?? null);
  const failure = record.failure;
  const retry = failure === null ? 'later' : FAILURES[failure.code].retry;
  const attempts = (tries?.attempts ?? 0) + attemptCost(record);
  if (retry !== 'never' && attempts <= retries) return { verdict: 'again' };
  if (invalid !== null) return { verdict: 'invalid', trialId: invalid };
  return { verdict: 'give-up', reason: reasonOf(record) };
}

/** @returns 1 when the record uses up an attempt, 0 when it does not. */
export function attemptCost(record: ResultHead): number {
  if (record.failure === null) return 1;
  if (BLAMELESS.has(record.failure.code)) return 0;
  return FAILURES[record.failure.code].retry === 'elsewhere' ? 0 : 1;
}

/** @returns `code: sentence`. */
export function reasonOf(record: ResultHead): string {
  const failure = record.failure;
  return failure === null
    ? 'internal: the trial ended without a reason'
    : `${failure.code}: ${failure.message}`.slice(0, REASON_CHARACTERS);
}

/** @returns why only another node can help; null when this node may try again. */
export function elsewhereReason(record: ResultHead): string | null {
  const failure = record.failure;
  return failure !== null && FAILURES[failure.code].retry === 'elsewhere' ? reasonOf(record) : null;
}
