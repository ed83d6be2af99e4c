import { webcrypto } from 'node:crypto';

export type X509 = typeof import('@peculiar/x509');

let opened: Promise<X509> | null = null;

/** The library of X.509, opened when it is first needed: a quarter of a second that no other command pays. */
export function x509(): Promise<X509> {
  opened ??= open();
  return opened;
}

async function open(): Promise<X509> {
  // It asks for it at its first line.
  await import('reflect-metadata');
  const library = await import('@peculiar/x509');
  // Its own types are a browser's, which Node.js has under other names.
  library.cryptoProvider.set(webcrypto as Parameters<typeof library.cryptoProvider.set>[1]);
  return library;
}
