import { ErrorCode, NatsError } from 'nats';
import { FailureError, failed, failure } from '../../../core/errors.js';
import { isUnreachable, StoreAway } from '../away.js';

/** NATS: "wrong last sequence", the answer when somebody else has written. */
const WRONG_LAST_SEQUENCE = 10071;
const STREAM_NOT_FOUND = 10059;

/** @returns what the log on a stream is called in messages. */
export function nameOf(stream: string): string {
  return `the log in the stream ${stream}`;
}

export function isWrongSequence(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.err_code === WRONG_LAST_SEQUENCE;
}

export function isStreamNotFound(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.err_code === STREAM_NOT_FOUND;
}

/** The connection is gone or the server says nothing: it may be back in a moment. */
const AWAY: ReadonlySet<string> = new Set([
  ErrorCode.Timeout,
  ErrorCode.NoResponders,
  ErrorCode.Disconnect,
  ErrorCode.ConnectionRefused,
  ErrorCode.ConnectionTimeout,
]);

/**
 * @returns whether the same may succeed a moment later: no server answers, or one whose streams are not there
 *   yet.
 */
export function isAway(error: unknown): boolean {
  if (!(error instanceof NatsError)) return false;
  const { api_error: api, code } = error;
  return api === undefined ? AWAY.has(code) : api.code === 503 && !isFull(api.description);
}

function isFull(description: string): boolean {
  return /maximum|insufficient/.test(description);
}

/** @returns the failure for a stream that does not hold, or does not give, what was written to it. */
export function lost(stream: string, what: string): FailureError {
  const hint =
    'Nothing was skipped; look at the stream with `nats stream info` and at the log of the NATS server.';
  return failed('internal', `The JetStream stream ${stream} ${what}.`, hint);
}

/**
 * @returns one sentence for what the client library threw, `StoreAway` where a server may be there in a
 *   moment; failures of ours as they are.
 */
export function explain(error: unknown, stream: string, where: string): unknown {
  if (error instanceof FailureError || !(error instanceof Error)) return error;
  const api = error instanceof NatsError ? error.api_error : undefined;
  const cause = { cause: error };
  if (api !== undefined && isFull(api.description)) {
    const hint = 'Give the stream or the server more storage; nothing was half-written.';
    return failed('disk-full', `The JetStream stream ${stream} is full: ${api.description}.`, hint, cause);
  }
  const hint = 'Check that the server runs with JetStream and that this user may use it.';
  const what = api?.description ?? inWords(error);
  const Kind = isAway(error) || isUnreachable(error) ? StoreAway : FailureError;
  return new Kind(failure('internal', `The log on ${where} cannot be used: ${what}.`, { hint }), cause);
}

function inWords(error: Error): string {
  if (!(error instanceof NatsError)) return error.message;
  switch (error.code) {
    case ErrorCode.Timeout:
      return 'the server does not answer';
    case ErrorCode.NoResponders:
      return 'the server answers nothing about streams';
    case ErrorCode.ConnectionClosed:
      return 'the connection is closed';
    default:
      return error.message;
  }
}
