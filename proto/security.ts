import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { ChannelCredentials, credentials, experimental, Metadata, ServerCredentials } from '@grpc/grpc-js';
import { WireError } from './errors.js';
import { isLoopback, splitAddress } from './loopback.js';

/**
 * What a caller may do. `submit` includes cancelling and pausing; reading is its own right; `admin` may do
 * both, and what concerns every namespace.
 */
export const SCOPES = ['agent', 'submit', 'read', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

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

/** What somebody may do, by whatever credential. */
export interface Grant {
  readonly scopes: readonly Scope[];
  /**
   * Names of nodes that an agent with it may have; a final `*` matches any rest. Left out: the name of
   * whoever holds it.
   */
  readonly nodes?: readonly string[] | undefined;
  /** Namespaces that it is for; a final `*` matches any rest. Left out: all of them. */
  readonly namespaces?: readonly string[] | undefined;
}

export interface TokenGrant extends Grant {
  /** Who it is for; appears in logs, the token never does. */
  readonly name: string;
  /** SHA-256 of the token: whoever reads the list cannot use it. */
  readonly sha256: Buffer;
  /** Milliseconds since 1970; null = it does not expire. */
  readonly expiresAt: number | null;
  readonly revoked: boolean;
}

export interface CertificateGrant extends Grant {
  /** Common name of the client's certificate; a final `*` matches any rest. */
  readonly commonName: string;
}

/** Files that may change while they are used. */
interface Renewing {
  /**
   * Calls back after a change; the fields then are what the files hold now. Left out = nothing changes.
   * @returns a function that ends it.
   */
  readonly onRenewed?: (listener: () => void) => () => void;
}

export type ServerSecurity =
  | { readonly kind: 'plaintext' }
  | (Renewing & {
      readonly kind: 'mutual-tls';
      readonly ca: Buffer;
      readonly certificate: Buffer;
      readonly key: Buffer;
      readonly grants: readonly CertificateGrant[];
      /**
       * Serial numbers of certificates that hold no more, as Node writes them: capital hexadecimal digits.
       */
      readonly revoked: ReadonlySet<string>;
    })
  | (Renewing & {
      readonly kind: 'token';
      readonly certificate: Buffer;
      readonly key: Buffer;
      readonly grants: readonly TokenGrant[];
    });

/** @returns what grpc-js dials with; refuses plaintext to anything but loopback (WireError `refused`). */
export function clientCredentials(address: string, security: ClientSecurity): ChannelCredentials {
  if (security.kind === 'plaintext') {
    refusePlaintext(address);
    return credentials.createInsecure();
  }
  const ip = ipExpected(address, security.serverName);
  const verify =
    ip === null
      ? undefined
      : { checkServerIdentity: (_: string, its: PeerCertificate) => checkServerIdentity(ip, its) };
  if (security.kind === 'mutual-tls') {
    return credentials.createSsl(security.ca, security.key, security.certificate, verify);
  }
  const bearer = credentials.createFromMetadataGenerator((_options, callback) => {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${security.token}`);
    callback(null, metadata);
  });
  return ChannelCredentials.createSsl(security.ca, null, null, verify).compose(bearer);
}

/** No host has it (RFC 2606). */
const NO_NAME = 'no-name.invalid';

/** @returns the IP address that a server's certificate has to have; null where it is a name. */
function ipExpected(address: string, serverName: string | null): string | null {
  const host = serverName ?? splitAddress(address)?.host ?? '';
  return isIP(host) === 0 ? null : host;
}

/**
 * @returns the name that a client tells the server it wants, by TLS; null = the host of the address. RFC 6066
 *   allows no IP address there, and grpc-js leaves the name out nowhere: so it is one that no server has,
 *   which answers as if none had come, and the certificate is held against the address.
 */
export function nameSent(address: string, serverName: string | null): string | null {
  return ipExpected(address, serverName) === null ? serverName : NO_NAME;
}

/** @returns what grpc-js listens with; refuses plaintext on anything but loopback (WireError `refused`). */
export function serverCredentials(address: string, security: ServerSecurity): ServerCredentials {
  if (security.kind === 'plaintext') {
    refusePlaintext(address);
    return ServerCredentials.createInsecure();
  }
  if (security.onRenewed !== undefined) {
    const authority = security.kind === 'mutual-tls' ? authorityOf(security) : null;
    const isAsked = authority !== null;
    return experimental.createCertificateProviderServerCredentials(identityOf(security), authority, isAsked);
  }
  const pair = [{ private_key: security.key, cert_chain: security.certificate }];
  return security.kind === 'mutual-tls'
    ? ServerCredentials.createSsl(security.ca, pair, true)
    : ServerCredentials.createSsl(null, pair, false);
}

/** Of a server that shows a certificate. */
export type Tls = Exclude<ServerSecurity, { kind: 'plaintext' }>;
type Provider = experimental.CertificateProvider;

const NOTHING = {
  addCaCertificateListener: () => undefined,
  removeCaCertificateListener: () => undefined,
  addIdentityCertificateListener: () => undefined,
  removeIdentityCertificateListener: () => undefined,
};

/**
 * Tells grpc-js its certificate now and whenever it is renewed: connections that stand go on, new ones get
 * the new one.
 */
function identityOf(security: Tls): Provider {
  const tell = notifier<experimental.IdentityCertificateUpdateListener>(security, (listener) =>
    listener({ certificate: security.certificate, privateKey: security.key }),
  );
  return {
    ...NOTHING,
    addIdentityCertificateListener: tell.add,
    removeIdentityCertificateListener: tell.remove,
  };
}

function authorityOf(security: Extract<Tls, { kind: 'mutual-tls' }>): Provider {
  const tell = notifier<experimental.CaCertificateUpdateListener>(security, (listener) =>
    listener({ caCertificate: security.ca }),
  );
  return { ...NOTHING, addCaCertificateListener: tell.add, removeCaCertificateListener: tell.remove };
}

function notifier<Listener>(security: Tls, tell: (listener: Listener) => void) {
  const endings = new Map<Listener, () => void>();
  return {
    add(listener: Listener): void {
      // grpc-js listens to what its credentials say once it has added itself.
      process.nextTick(() => tell(listener));
      const end = security.onRenewed?.(() => tell(listener));
      if (end !== undefined) endings.set(listener, end);
    },
    remove(listener: Listener): void {
      endings.get(listener)?.();
      endings.delete(listener);
    },
  };
}

/** @throws WireError `refused` for an address that other machines can reach. */
export function refusePlaintext(address: string): void {
  if (isLoopback(address)) return;
  throw new WireError(
    'refused',
    `Plaintext is for loopback only and ${address} is not: give certificates for mutual TLS, or TLS and a token.`,
  );
}
