import { FailureError, failure } from '../../../core/errors.js';
import type { Options } from '../../../core/experiment/experiment.js';

export const FAKE_FAILURES = ['none', 'crash', 'abort', 'hang', 'load', 'memory'] as const;
export type FakeFailure = (typeof FAKE_FAILURES)[number];

export interface FakeOptions {
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  /** Relative standard deviation of every duration. */
  readonly jitter: number;
  /** Standard deviation of the logarithm of what all times of one start are multiplied by. */
  readonly startSpread: number;
  readonly failure: FakeFailure;
  readonly modelBytes: number;
}

/** Reads the fake runner's options; throws FailureError `impossible-combination` for a value out of range. */
export function fakeOptions(options: Options): FakeOptions {
  const kind = options.fakeFailure ?? 'none';
  const wanted = FAKE_FAILURES.find((known) => known === kind);
  if (wanted === undefined) refuse(`fakeFailure is ${kind}; it can be ${FAKE_FAILURES.join(', ')}`);
  return {
    prefillTokensPerSecond: positive(options, 'fakePrefillTokensPerSecond', 10_000),
    decodeTokensPerSecond: positive(options, 'fakeDecodeTokensPerSecond', 1000),
    jitter: notNegative(options, 'fakeJitter', 0.01),
    startSpread: notNegative(options, 'fakeStartSpread', 0),
    failure: wanted,
    modelBytes: notNegative(options, 'fakeModelBytes', 1_000_000),
  };
}

function positive(options: Options, name: string, fallback: number): number {
  const value = notNegative(options, name, fallback);
  return value > 0 ? value : refuse(`${name} is ${value}; it has to be more than 0`);
}

function notNegative(options: Options, name: string, fallback: number): number {
  const value = options[name] ?? fallback;
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  return refuse(`${name} is ${value}; it has to be a number that is not negative`);
}

function refuse(message: string): never {
  throw new FailureError(failure('impossible-combination', message));
}
