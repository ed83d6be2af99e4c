import { timingSafeEqual } from 'node:crypto';
import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { WireError } from './errors.js';
import type { Scope, ServerSecurity } from './security.js';

export type AnyCall =
  | ServerUnaryCall<unknown, unknown>
  | ServerWritableStream<unknown, unknown>
  | ServerDuplexStream<unknown, unknown>;

/** What a caller shows of itself, whichever protocol brought it. */
export interface Shown {
  /** Common name of its certificate, which the transport has checked. */
  readonly commonName: string | undefined;
  /** The `authorization` header; empty = none. */
  readonly authorization: string;
}

/** @returns who calls; throws WireError `unauthenticated` or `forbidden`. */
export function identify(call: AnyCall, security: ServerSecurity, scope: Scope): string {
  const name = security.kind === 'mutual-tls' ? call.getAuthContext()?.sslPeerCertificate?.subject?.CN : [];
  return admit(
    {
      commonName: Array.isArray(name) ? name[0] : name,
      authorization: String(call.metadata.get('authorization')[0] ?? ''),
    },
    security,
    scope,
  );
}

/** @returns the caller's name; throws WireError `unauthenticated` or `forbidden`. */
export function admit({ commonName, authorization }: Shown, security: ServerSecurity, scope: Scope): string {
  if (security.kind === 'plaintext') return 'loopback';
  if (security.kind === 'mutual-tls') {
    if (commonName === undefined) {
      throw new WireError('unauthenticated', 'The client certificate has no common name.');
    }
    const allowed = security.grants.some(
      (grant) => matches(grant.commonName, commonName) && grant.scopes.includes(scope),
    );
    if (!allowed) throw new WireError('forbidden', `${commonName} does not have the scope "${scope}".`);
    return commonName;
  }
  if (!authorization.startsWith('Bearer ')) {
    throw new WireError('unauthenticated', 'This coordinator wants a token: set `token` or RIDGE_TOKEN.');
  }
  const grant = security.grants.find((candidate) => sameSecret(candidate.token, authorization.slice(7)));
  if (grant === undefined) throw new WireError('unauthenticated', 'The token is not known here.');
  if (!grant.scopes.includes(scope)) {
    throw new WireError('forbidden', `The token "${grant.name}" does not have the scope "${scope}".`);
  }
  return grant.name;
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** Compares in a time that does not tell how much of the token was right. */
function sameSecret(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
