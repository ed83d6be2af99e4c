import { FailureError, failure } from '../errors.js';
import type { ResultRecord } from './result.js';

/** True for the refusal of a log that a record is too large for, which will never change. */
export function isTooLarge(error: unknown): error is FailureError {
  return error instanceof FailureError && error.failure.code === 'too-large';
}

/**
 * What stands for a result that is too large to be taken: the same trial, failed, without anything that grows
 * with what was measured. The result itself stays where it is, for people to look at.
 * @param why one sentence
 */
export function tooLargeRecord(record: ResultRecord, why: string): ResultRecord {
  const hint = 'Measure fewer repeats or tokens; the whole result is kept in the spool of its node.';
  const { given: _, serving: __, inference: ___, graph: ____, generation: _____, ...rest } = record;
  return {
    ...rest,
    status: 'failed',
    failure: failure('too-large', why, { hint }),
    phases: [],
    measurements: Object.fromEntries(
      Object.entries(record.measurements).map(([name, { unit }]) => [
        name,
        { value: null, unit, reason: why },
      ]),
    ),
    warnings: [],
    valid: false,
    quality: null,
    training: null,
    kernel: null,
    profile: null,
    roofline: null,
    tokenSeconds: [],
    samples: [],
    absent: {},
  };
}
