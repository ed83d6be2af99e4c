import { ChannelCredentials, credentials, Metadata, ServerCredentials } from '@grpc/grpc-js';
import { WireError } from './errors.js';
import { isLoopback } from './loopback.js';

/** What a caller may do. `submit` includes cancelling and pausing; reading is its own right. */
export type Scope = 'agent' | 'submit' | 'read';

/** How a client proves who it is and whom it believes. PEM contents, not paths. */
export type ClientSecurity =
  | { readonly kind: 'plaintext' }
  | {
      readonly kind: 'mutual-tls';
      readonly ca: Buffer;
      readonly certificate: Buffer;
      readonly key: Buffer;
      /** Name to expect in the server's certificate; null = the host of the address. */
      readonly serverName: string | null;
    }
  | {
      readonly kind: 'token';
      /** null = the CAs that the system trusts. */
      readonly ca: Buffer | null;
      readonly token: string;
      readonly serverName: string | null;
    };

export interface TokenGrant {
  /** Who it is for; appears in logs, the token never does. */
  readonly name: string;
  readonly token: string;
  readonly scopes: readonly Scope[];
  /** Names of nodes that an agent with it may have; a final `*` matches any rest. Left out: the grant's own name. */
  readonly nodes?: readonly string[] | undefined;
}

export interface CertificateGrant {
  /** Common name of the client's certificate; a final `*` matches any rest. */
  readonly commonName: string;
  readonly scopes: readonly Scope[];
  /** Names of nodes that an agent with it may have; a final `*` matches any rest. Left out: its common name. */
  readonly nodes?: readonly string[] | undefined;
}

export type ServerSecurity =
  | { readonly kind: 'plaintext' }
  | {
      readonly kind: 'mutual-tls';
      readonly ca: Buffer;
      readonly certificate: Buffer;
      readonly key: Buffer;
      readonly grants: readonly CertificateGrant[];
    }
  | {
      readonly kind: 'token';
      readonly certificate: Buffer;
      readonly key: Buffer;
      readonly grants: readonly TokenGrant[];
    };

/** @returns what grpc-js dials with; refuses plaintext to anything but loopback (WireError `refused`). */
export function clientCredentials(address: string, security: ClientSecurity): ChannelCredentials {
  if (security.kind === 'plaintext') {
    refusePlaintext(address);
    return credentials.createInsecure();
  }
  if (security.kind === 'mutual-tls') {
    return credentials.createSsl(security.ca, security.key, security.certificate);
  }
  const bearer = credentials.createFromMetadataGenerator((_options, callback) => {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${security.token}`);
    callback(null, metadata);
  });
  return ChannelCredentials.createSsl(security.ca).compose(bearer);
}

/** @returns what grpc-js listens with; refuses plaintext on anything but loopback (WireError `refused`). */
export function serverCredentials(address: string, security: ServerSecurity): ServerCredentials {
  if (security.kind === 'plaintext') {
    refusePlaintext(address);
    return ServerCredentials.createInsecure();
  }
  const pair = [{ private_key: security.key, cert_chain: security.certificate }];
  return security.kind === 'mutual-tls'
    ? ServerCredentials.createSsl(security.ca, pair, true)
    : ServerCredentials.createSsl(null, pair, false);
}

/** @throws WireError `refused` for an address that other machines can reach. */
export function refusePlaintext(address: string): void {
  if (isLoopback(address)) return;
  throw new WireError(
    'refused',
    `Plaintext is for loopback only and ${address} is not: give certificates for mutual TLS, or TLS and a token.`,
  );
}
