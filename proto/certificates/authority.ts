import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import type { Extension, X509Certificate } from '@peculiar/x509';
import type { Scope } from '../security.js';
import { x509 } from './library.js';
import { marksOf } from './marks.js';

/** A certificate and the key that belongs to it, as PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate is to say. */
export interface Subject {
  readonly commonName: string;
  /** Names and addresses that a server answers under; none for a client. */
  readonly hosts: readonly string[];
  /** What its holder may do at most; null = whatever the coordinator's configuration grants. */
  readonly scopes: readonly Scope[] | null;
  /** Namespaces that its holder may use; null = whatever the coordinator's configuration grants. */
  readonly namespaces: readonly string[] | null;
}

/** NIST P-256: what every TLS library speaks. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY = 86_400_000;
/** Clocks of a fleet differ: a certificate is valid a little before it was made. */
const EARLIER = 300_000;

/** @returns a new authority that signs certificates and lists of those that were revoked. */
export async function makeAuthority(commonName: string, days: number): Promise<Pair> {
  const lib = await x509();
  const keys = await newKeys();
  const { keyCertSign, cRLSign } = lib.KeyUsageFlags;
  const certificate = await lib.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [commonName] }],
    ...validFor(days),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new lib.BasicConstraintsExtension(true, 0, true),
      new lib.KeyUsagesExtension(keyCertSign | cRLSign, true),
      await lib.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pemOf(certificate), key: await keyPem(keys.privateKey) };
}

/**
 * @returns a certificate of that authority with a key of its own, for servers where it has hosts, and for
 *   clients in any case.
 */
export async function issue(authority: Pair, subject: Subject, days: number): Promise<Pair> {
  const lib = await x509();
  const keys = await newKeys();
  const issuer = new lib.X509Certificate(authority.certificate);
  const { serverAuth, clientAuth } = lib.ExtendedKeyUsage;
  const extensions: Extension[] = [
    new lib.BasicConstraintsExtension(false, undefined, true),
    new lib.KeyUsagesExtension(lib.KeyUsageFlags.digitalSignature, true),
    new lib.ExtendedKeyUsageExtension([...(subject.hosts.length > 0 ? [serverAuth] : []), clientAuth]),
    await lib.SubjectKeyIdentifierExtension.create(keys.publicKey),
    await lib.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
  ];
  if (subject.hosts.length > 0) {
    const names = subject.hosts.map((host) => ({
      type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const),
      value: host,
    }));
    extensions.push(new lib.SubjectAlternativeNameExtension(names));
  }
  const marks = marksOf(subject);
  const { notBefore, notAfter } = validFor(days);
  const certificate = await lib.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [subject.commonName] }, ...marks.map((mark) => ({ OU: [mark] }))],
    issuer: issuer.subject,
    notBefore,
    // It cannot outlive who vouches for it.
    notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())),
    signingAlgorithm: ALGORITHM,
    signingKey: await privateKey(authority.key),
    publicKey: keys.publicKey,
    extensions,
  });
  return { certificate: pemOf(certificate), key: await keyPem(keys.privateKey) };
}

/** A certificate that holds no more. */
export interface Revoked {
  /** Hexadecimal digits, as certificates show it. */
  readonly serial: string;
  readonly at: Date;
}

/**
 * @returns the list of revoked certificates as PEM, signed by the authority; a new one is promised within
 *   `days`.
 */
export async function makeRevocations(
  authority: Pair,
  revoked: readonly Revoked[],
  days: number,
): Promise<string> {
  const lib = await x509();
  const now = Date.now();
  const list = await lib.X509CrlGenerator.create({
    issuer: new lib.X509Certificate(authority.certificate).subject,
    thisUpdate: new Date(now - EARLIER),
    nextUpdate: new Date(now + days * DAY),
    entries: revoked.map(({ serial, at }) => ({ serialNumber: serial, revocationDate: at })),
    signingAlgorithm: ALGORITHM,
    signingKey: await privateKey(authority.key),
  });
  return `${list.toString('pem')}\n`;
}

/** @returns what a certificate says of itself. @throws Error where it is none. */
export async function describe(pem: string): Promise<{ serial: string; notAfter: Date }> {
  const lib = await x509();
  const { serialNumber, notAfter } = new lib.X509Certificate(pem);
  return { serial: serialNumber, notAfter };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

/** 20 octets at most, a positive number (RFC 5280, 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function validFor(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - EARLIER), notAfter: new Date(now + days * DAY) };
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

async function privateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return (await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])) as webcrypto.CryptoKey;
}
