import { FailureError, failed } from '../../../core/errors.js';
import { ProxyRefusal } from '../../../proto/http/proxy.js';

/** What Node.js calls a certificate that nobody it trusts has signed, or that is for another host. */
const DISTRUST = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|ALTNAME/;

/** Worth another attempt: the network, or a server that is busy. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** What the server asked to wait. */
  readonly waitSeconds: number | null;
  constructor(message: string, waitSeconds: number | null = null) {
    super(message);
    this.waitSeconds = waitSeconds;
  }
}

/** @returns what to throw for an error of a connection. */
export function asReason(error: Error, { host }: { readonly host: string }, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof Interrupted || error instanceof FailureError) return error;
  if (error instanceof ProxyRefusal) {
    const { message, mayPass, hint } = error;
    return mayPass ? new Interrupted(message) : failed('source-not-allowed', message, hint);
  }
  const { code = '' } = error as NodeJS.ErrnoException;
  if (!DISTRUST.test(code))
    return new Interrupted(`the connection to ${host} failed: ${error.message || code}`);
  const why = `the certificate of ${host} is not trusted: ${error.message}`;
  const hint = 'Name the authority’s certificate as sources.ca in the agent’s config.';
  return failed('source-not-allowed', why, hint);
}
