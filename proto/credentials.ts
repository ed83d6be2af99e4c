import type { ClientSecurity } from './security.js';

/**
 * What a folder or a Secret of credentials may hold, under the names that Kubernetes and cert-manager use.
 */
export const CREDENTIAL_FILES = ['ca.crt', 'tls.crt', 'tls.key', 'token'] as const;

/**
 * @param read the content of one of `CREDENTIAL_FILES`; null where it is not there.
 * @returns how to speak with a coordinator: by its token, else by the certificate; null where neither is
 *   whole.
 */
export function securityOf(
  read: (file: (typeof CREDENTIAL_FILES)[number]) => Buffer | null,
): ClientSecurity | null {
  const [ca, certificate, key, token] = CREDENTIAL_FILES.map(read) as (Buffer | null)[];
  if (token) return { kind: 'token', ca: ca ?? null, token: token.toString('utf8').trim(), serverName: null };
  if (!ca || !certificate || !key) return null;
  return { kind: 'mutual-tls', ca, certificate, key, serverName: null };
}
