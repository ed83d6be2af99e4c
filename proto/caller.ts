import { createHash, timingSafeEqual } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { quote } from '../core/quote.js';
import { type Marks, NO_MARKS, readMarks } from './certificates/marks.js';
import { WireError } from './errors.js';
import { METHODS } from './limits.js';
import type { CertificateGrant, Grant, Scope, ServerSecurity, Tls, TokenGrant } from './security.js';

const BEARER = 'Bearer ';

export type AnyCall =
  | ServerUnaryCall<unknown, unknown>
  | ServerWritableStream<unknown, unknown>
  | ServerDuplexStream<unknown, unknown>;

/** What a caller shows of itself, whichever protocol brought it. */
export interface Shown {
  /** Of its certificate, which the transport has checked. */
  readonly commonName: string | undefined;
  /** The rest of what its certificate says; null = it has none. */
  readonly certificate: ShownCertificate | null;
  /** The `authorization` header; empty = none. */
  readonly authorization: string;
}

interface ShownCertificate {
  /** Capital hexadecimal digits. */
  readonly serial: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  readonly marks: Marks;
}

/** Who was admitted, and for what. */
export interface Caller {
  /** Certificate's common name, the token's name, or `loopback`. */
  readonly name: string;
  /** Namespaces that it may use; a final `*` matches any rest; null = all. */
  readonly namespaces: readonly string[] | null;
  /** It may do what concerns every namespace, such as draining a node. */
  readonly managesNodes: boolean;
}

const ANYBODY_HERE: Caller = { name: 'loopback', namespaces: null, managesNodes: true };

/** @returns who calls; throws WireError `unauthenticated` or `forbidden`. */
export function identify(call: AnyCall, security: ServerSecurity): Caller {
  const access = METHODS[call.getPath()]?.access;
  if (access === undefined || access === 'anybody')
    throw new WireError('unimplemented', 'This method is not served.');
  return admit(shownBy(call, security), security, access);
}

/** @returns what a gRPC call shows of its caller. */
export function shownBy(call: Pick<AnyCall, 'metadata' | 'getAuthContext'>, security: ServerSecurity): Shown {
  const peer = security.kind === 'mutual-tls' ? call.getAuthContext()?.sslPeerCertificate : undefined;
  const authorization = String(call.metadata.get('authorization')[0] ?? '');
  return { ...certificateShown(peer), authorization };
}

/** @param peer as Node's TLS gives it: an empty object where there is none. */
export function certificateShown(
  peer: Partial<PeerCertificate> | undefined,
): Pick<Shown, 'commonName' | 'certificate'> {
  const subject = peer?.subject as Partial<Record<string, string | string[]>> | undefined;
  if (subject === undefined) return { commonName: undefined, certificate: null };
  const { CN, OU } = subject;
  return {
    commonName: Array.isArray(CN) ? CN[0] : CN,
    certificate: {
      serial: (peer?.serialNumber ?? '').toUpperCase(),
      expiresAt: Date.parse(peer?.valid_to ?? ''),
      marks: readMarks(OU),
    },
  };
}

/**
 * Whether a caller with the scope `agent` may speak as that node. Plain text is loopback, where everybody is
 * this machine: any name.
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
  security: Tls,
): { name: string; grant: CertificateGrant | TokenGrant }[] {
  if (security.kind === 'mutual-tls') {
    if (commonName === undefined) return [];
    return security.grants
      .filter((grant) => matches(grant.commonName, commonName))
      .map((grant) => ({ name: commonName, grant }));
  }
  if (!authorization.startsWith(BEARER)) return [];
  const sha256 = createHash('sha256').update(authorization.slice(BEARER.length)).digest();
  return security.grants
    .filter((grant) => timingSafeEqual(grant.sha256, sha256))
    .map((grant) => ({ name: grant.name, grant }));
}

/** @returns the name that somebody shows, for who notes that it was refused; null = none that is known. */
export function nameOf(shown: Shown, security: ServerSecurity): string | null {
  const held = security.kind === 'plaintext' ? [] : grantsOf(shown, security);
  return held[0]?.name ?? shown.commonName ?? null;
}

/** @returns who it is; throws WireError `unauthenticated` or `forbidden`. */
export function admit(shown: Shown, security: ServerSecurity, scope: Scope | 'known'): Caller {
  if (security.kind === 'plaintext') return ANYBODY_HERE;
  const { commonName, authorization } = shown;
  if (security.kind === 'mutual-tls') checkCertificate(shown, security.revoked, scope);
  else if (!authorization.startsWith(BEARER)) {
    throw new WireError('unauthenticated', 'This coordinator wants a token: set `token` or RIDGE_TOKEN.');
  }
  const held = grantsOf(shown, security);
  if (security.kind === 'token') checkToken(held.map(({ grant }) => grant as TokenGrant));
  const name = held[0]?.name ?? commonName ?? '';
  const those = held.map(({ grant }) => grant).filter(({ scopes }) => includes(scopes, scope));
  if (those.length > 0) return callerOf(name, those, shown.certificate?.marks ?? NO_MARKS);
  const who = security.kind === 'token' ? `The token "${name}"` : quote(name);
  throw new WireError(
    'forbidden',
    scope === 'known' ? `${who} has no scope.` : `${who} does not have the scope "${scope}".`,
  );
}

/**
 * Whether it was good when its connection began is the transport's to say; it may have expired or been
 * revoked since.
 */
function checkCertificate(
  { commonName, certificate }: Shown,
  revoked: ReadonlySet<string>,
  scope: Scope | 'known',
): void {
  if (commonName === undefined || certificate === null) {
    throw new WireError('unauthenticated', 'The client certificate has no common name.');
  }
  const who = `The certificate ${quote(commonName)}`;
  if (revoked.has(certificate.serial)) throw new WireError('unauthenticated', `${who} was revoked.`);
  if (certificate.expiresAt <= Date.now()) {
    throw new WireError('unauthenticated', `${who} has expired: dial again with a renewed one.`);
  }
  const { scopes } = certificate.marks;
  if (scopes === null || includes(scopes, scope)) return;
  throw new WireError(
    'forbidden',
    `${who} is for the scope ${quote(scopes.join(', '))}, and this needs "${scope}".`,
  );
}

function checkToken(grants: readonly TokenGrant[]): void {
  if (grants.length === 0) throw new WireError('unauthenticated', 'The token is not known here.');
  const now = Date.now();
  const good = grants.some(({ revoked, expiresAt }) => !revoked && (expiresAt ?? Infinity) > now);
  if (good) return;
  const { name, revoked } = grants[0]!;
  throw new WireError('unauthenticated', `The token "${name}" ${revoked ? 'was revoked' : 'has expired'}.`);
}

/** @returns until when what admits a caller holds, unless files change before: milliseconds since 1970. */
export function goodUntil(shown: Shown, security: ServerSecurity): number {
  if (security.kind === 'plaintext') return Infinity;
  if (security.kind === 'mutual-tls') return shown.certificate?.expiresAt ?? 0;
  const ends = grantsOf(shown, security).map(({ grant }) => (grant as TokenGrant).expiresAt ?? Infinity);
  return Math.min(Infinity, ...ends.filter((end) => end > Date.now()));
}

/** @returns somebody by what they were granted, and by what their certificate leaves of it. */
export function callerOf(name: string, grants: readonly Grant[], marks: Marks): Caller {
  const granted = grants.some(({ namespaces }) => namespaces === undefined)
    ? null
    : grants.flatMap(({ namespaces }) => namespaces ?? []);
  const namespaces =
    marks.namespaces === null || granted === null
      ? (marks.namespaces ?? granted)
      : marks.namespaces.filter((one) => granted.some((pattern) => matches(pattern, one)));
  const isAdmin =
    grants.some(({ scopes }) => scopes.includes('admin')) && includes(marks.scopes ?? ['admin'], 'admin');
  return { name, namespaces, managesNodes: namespaces === null || isAdmin };
}

/** An administrator reads and submits; what measures is another matter. Whoever has any scope is known. */
function includes(scopes: readonly string[], wanted: Scope | 'known'): boolean {
  if (wanted === 'known') return scopes.length > 0;
  return scopes.includes(wanted) || (wanted !== 'agent' && scopes.includes('admin'));
}

/** @returns whether a caller may use a namespace. */
export function mayUse({ namespaces }: Pick<Caller, 'namespaces'>, namespace: string): boolean {
  return namespaces === null || namespaces.some((pattern) => matches(pattern, namespace));
}

/** @param pattern a final `*` matches any rest. */
export function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
