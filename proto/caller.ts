import { timingSafeEqual } from 'node:crypto';
import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { quote } from '../core/quote.js';
import { WireError } from './errors.js';
import { METHODS } from './limits.js';
import type { CertificateGrant, Scope, ServerSecurity, TokenGrant } from './security.js';

const BEARER = 'Bearer ';

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
export function identify(call: AnyCall, security: ServerSecurity): string {
  const access = METHODS[call.getPath()]?.access;
  if (access === undefined || access === 'anybody')
    throw new WireError('unimplemented', 'This method is not served.');
  return admit(shownBy(call, security), security, access);
}

/** @returns what a gRPC call shows of its caller. */
export function shownBy(call: Pick<AnyCall, 'metadata' | 'getAuthContext'>, security: ServerSecurity): Shown {
  const name = security.kind === 'mutual-tls' ? call.getAuthContext()?.sslPeerCertificate?.subject?.CN : [];
  return {
    commonName: Array.isArray(name) ? name[0] : name,
    authorization: String(call.metadata.get('authorization')[0] ?? ''),
  };
}

/**
 * Whether a caller with the scope `agent` may speak as that node. Plain text is loopback, where everybody is this
 * machine: any name.
 * @returns null when it may, else one sentence that names the fix.
 */
export function nodeRefusal(shown: Shown, security: ServerSecurity, node: string): string | null {
  if (security.kind === 'plaintext') return null;
  const held = grantsOf(shown, security).filter(({ grant }) => grant.scopes.includes('agent'));
  const allowed = held.flatMap(({ name, grant }) => grant.nodes ?? [name]);
  if (allowed.some((pattern) => matches(pattern, node))) return null;
  const who = security.kind === 'mutual-tls' ? 'certificate' : 'token';
  const name = held[0]?.name ?? 'unknown';
  return (
    `The ${who} "${name}" may be node ${allowed.map((pattern) => `"${pattern}"`).join(' or ') || 'none'}, not ${quote(node)}: ` +
    `give its grant nodes: [${quote(node)}] in the coordinator's configuration, or start the agent with --name ${allowed[0] ?? name}.`
  );
}

/** Grants that the caller holds, and the name that it has by each. */
function grantsOf(
  { commonName, authorization }: Shown,
  security: Exclude<ServerSecurity, { kind: 'plaintext' }>,
): { name: string; grant: CertificateGrant | TokenGrant }[] {
  if (security.kind === 'mutual-tls') {
    if (commonName === undefined) return [];
    return security.grants
      .filter((grant) => matches(grant.commonName, commonName))
      .map((grant) => ({ name: commonName, grant }));
  }
  return security.grants
    .filter((grant) => sameSecret(grant.token, authorization.slice(BEARER.length)))
    .map((grant) => ({ name: grant.name, grant }));
}

/** @returns the caller's name; throws WireError `unauthenticated` or `forbidden`. */
export function admit({ commonName, authorization }: Shown, security: ServerSecurity, scope: Scope): string {
  if (security.kind === 'plaintext') return 'loopback';
  if (security.kind === 'mutual-tls') {
    if (commonName === undefined) {
      throw new WireError('unauthenticated', 'The client certificate has no common name.');
    }
  } else if (!authorization.startsWith(BEARER)) {
    throw new WireError('unauthenticated', 'This coordinator wants a token: set `token` or RIDGE_TOKEN.');
  }
  const held = grantsOf({ commonName, authorization }, security);
  if (security.kind === 'token' && held.length === 0) {
    throw new WireError('unauthenticated', 'The token is not known here.');
  }
  const name = held[0]?.name ?? commonName ?? '';
  if (held.some(({ grant }) => grant.scopes.includes(scope))) return name;
  const who = security.kind === 'token' ? `The token "${name}"` : quote(name);
  throw new WireError('forbidden', `${who} does not have the scope "${scope}".`);
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** Compares in a time that does not tell how much of the token was right. */
function sameSecret(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
