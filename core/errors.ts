/**
 * Why a trial or a command failed, as a value: a stable code, one sentence, what to do next.
 * `retry` says whether trying again elsewhere or later can help; the scheduler reads it.
 */
export const FAILURES = {
  'model-missing': { retry: 'elsewhere' },
  'model-unreadable': { retry: 'never' },
  'model-unsupported': { retry: 'never' },
  'source-not-allowed': { retry: 'elsewhere' },
  'fetch-failed': { retry: 'later' },
  'digest-mismatch': { retry: 'elsewhere' },
  'impossible-combination': { retry: 'never' },
  'does-not-fit': { retry: 'elsewhere' },
  'engine-missing': { retry: 'elsewhere' },
  'engine-mismatch': { retry: 'elsewhere' },
  'device-missing': { retry: 'elsewhere' },
  'setting-failed': { retry: 'later' },
  'artifact-failed': { retry: 'later' },
  'load-failed': { retry: 'never' },
  'run-failed': { retry: 'later' },
  crashed: { retry: 'later' },
  'out-of-memory': { retry: 'elsewhere' },
  'timed-out': { retry: 'later' },
  cancelled: { retry: 'later' },
  'disk-full': { retry: 'later' },
  'lease-lost': { retry: 'later' },
  /** A record that the log cannot take for its size; measured again it would be as large. */
  'too-large': { retry: 'never' },
  internal: { retry: 'later' },
} as const satisfies Record<string, { retry: 'never' | 'elsewhere' | 'later' }>;

export type FailureCode = keyof typeof FAILURES;

export interface Failure {
  readonly code: FailureCode;
  /** One sentence: what is wrong and where. */
  readonly message: string;
  /** One sentence: what to do next. */
  readonly hint: string | null;
  /** Signal or exit code of the child, and its last lines of stderr, where there was one. */
  readonly signal: string | null;
  readonly exitCode: number | null;
  readonly stderrTail: string | null;
}

/** @returns a failure with the fields that are not given set to null. */
export function failure(
  code: FailureCode,
  message: string,
  rest: Partial<Omit<Failure, 'code' | 'message'>> = {},
): Failure {
  return { code, message, hint: null, signal: null, exitCode: null, stderrTail: null, ...rest };
}

/** Carries a Failure through code that has to throw. The message is the failure's sentence. */
export class FailureError extends Error {
  override readonly name = 'FailureError';
  readonly failure: Failure;
  /** Whether the same may succeed in a moment, by itself. */
  readonly passes: boolean = false;
  constructor(reason: Failure, options?: ErrorOptions) {
    super(reason.message, options);
    this.failure = reason;
  }
}

/** @returns what to throw with a failure of this code. @param hint one sentence: what to do next. */
export function failed(
  code: FailureCode,
  message: string,
  hint: string | null = null,
  options?: ErrorOptions,
): FailureError {
  return new FailureError(failure(code, message, { hint }), options);
}

/** @returns the Failure inside an error of ours, or an `internal` one that keeps the error's message. */
export function toFailure(error: unknown): Failure {
  if (error instanceof FailureError) return error.failure;
  const message = error instanceof Error ? error.message : String(error);
  return failure('internal', message);
}
