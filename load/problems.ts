import type { RequestOutcome } from '../core/serving/requests.js';

/** Why a request has no complete answer. */
export interface Problem {
  readonly outcome: RequestOutcome;
  /** One sentence. */
  readonly problem: string;
}

/** @returns "1 chunk", "2 chunks". */
export function chunksOf(count: number): string {
  return `${count} ${count === 1 ? 'chunk' : 'chunks'}`;
}

/** Why there is no connection, by the system's error code. */
const NO_CONNECTION: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ETIMEDOUT: 'it does not answer',
  EADDRNOTAVAIL: 'this machine has no free port left for another connection',
  EMFILE: 'this process may open no more files (raise `ulimit -n`)',
  ENFILE: 'this machine may open no more files',
};

/** @returns why there is no connection, in a few words. */
export function whyNoConnection({ code = '', message }: NodeJS.ErrnoException): string {
  const reason = NO_CONNECTION[code] ?? (isTls(code) ? 'there is no secure connection' : message);
  return code === '' ? reason : `${reason} (${code})`;
}

/**
 * Describes how a connection failed.
 * @param answered whether the response headers had arrived.
 * @param chunks number of chunks that had arrived.
 */
export function failureOf(
  { code = '', message }: NodeJS.ErrnoException,
  url: string,
  answered: boolean,
  chunks: number,
): Problem {
  const reason = NO_CONNECTION[code];
  if (reason !== undefined && !answered)
    return { outcome: 'refused', problem: `There is no connection to ${url}: ${reason} (${code}).` };
  if (isTls(code))
    return { outcome: 'refused', problem: `There is no secure connection to ${url}: ${message} (${code}).` };
  if (code.startsWith('HPE_'))
    return { outcome: 'broken', problem: `The server answers something that is not HTTP/1.1 (${code}).` };
  const when = answered ? `in the middle of its answer, after ${chunksOf(chunks)}` : 'before it answered';
  const how = code === 'ECONNRESET' || code === 'EPIPE' ? 'was closed' : `failed (${code || message})`;
  return { outcome: 'broken', problem: `The connection to the server ${how} ${when}.` };
}

/** Codes of Node.js and OpenSSL (nodejs.org/api/tls.html, "X509 certificate error codes"). */
const TLS = /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO$)/;
const isTls = (code: string) => TLS.test(code);
