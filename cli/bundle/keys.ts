import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

import { tryFile, usageError } from '../exit.js';
import { sha256 } from '../report/packed/container.js';

/** What stands beside a manifest that was signed. */
const signatureSchema = z.strictObject({
  algorithm: z.literal('ed25519'),
  /** Of the public key (SPKI, DER). */
  key: z.string(),
  publicKey: z.base64(),
  signature: z.base64(),
});

/** @returns what a public key is called: the beginning of the digest of its DER. */
function keyName(key: KeyObject): string {
  return sha256(key.export({ type: 'spki', format: 'der' })).slice(0, 16);
}

/**
 * Makes a pair and writes both as PEM: the private one for its owner's eyes alone.
 * @throws CommandError (2) where a file is there.
 */
export function makeKeys(path: string): { readonly name: string; readonly publicPath: string } {
  const publicPath = `${path.replace(/\.pem$/, '')}.pub.pem`;
  for (const file of [path, publicPath])
    if (existsSync(file))
      throw usageError(`${file} is there already`, 'Name another file: a key that signed is not to be lost.');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  tryFile('the keys cannot be written', () => {
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
    writeFileSync(publicPath, publicKey.export({ type: 'spki', format: 'pem' }), { flag: 'wx' });
  });
  return { name: keyName(publicKey), publicPath };
}

/**
 * @returns the signature of a manifest as a file of the bundle.
 * @throws CommandError (2) for what is no private Ed25519 key.
 */
export function signed(manifest: Buffer, keyPath: string): Buffer {
  const key = opened(keyPath, createPrivateKey, 'private');
  const publicKey = createPublicKey(key);
  const content = {
    algorithm: 'ed25519',
    key: keyName(publicKey),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    signature: sign(null, manifest, key).toString('base64'),
  };
  return Buffer.from(`${JSON.stringify(content, null, 2)}\n`);
}

/** @returns the public key of a file, which may hold the private one. @throws CommandError (2) */
export function publicKeyAt(path: string): KeyObject {
  return opened(path, createPublicKey, 'public');
}

function opened(path: string, open: (pem: Buffer) => KeyObject, which: string): KeyObject {
  const pem = tryFile(
    `the key ${path} cannot be read`,
    () => readFileSync(path),
    '`ridge bundle keygen FILE` makes one.',
  );
  try {
    const key = open(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Said below: what OpenSSL says of it helps nobody.
  }
  throw usageError(`${path} is no ${which} Ed25519 key in PEM`, '`ridge bundle keygen FILE` makes one.');
}

/** @returns whose signature holds, or in a clause why it does not. */
export function signerOf(
  manifest: Buffer,
  signature: Buffer,
  trusted: KeyObject | null,
): { readonly key: string } | string {
  let read: ReturnType<typeof signatureSchema.safeParse>;
  try {
    read = signatureSchema.safeParse(JSON.parse(signature.toString('utf8')));
  } catch {
    return 'it is no JSON';
  }
  if (!read.success) return `${read.error.issues[0]?.path.join('.')}: ${read.error.issues[0]?.message}`;
  const { publicKey, key, signature: bytes } = read.data;
  let own: KeyObject;
  try {
    own = createPublicKey({ key: Buffer.from(publicKey, 'base64'), type: 'spki', format: 'der' });
  } catch {
    return 'its public key is none';
  }
  if (own.asymmetricKeyType !== 'ed25519') return `its key is ${own.asymmetricKeyType}, not Ed25519`;
  if (keyName(own) !== key) return `its key is called ${key}, and is ${keyName(own)}`;
  if (trusted !== null && !own.equals(trusted))
    return `it is signed by ${key}, not by the key ${keyName(trusted)} that was asked for`;
  return verify(null, manifest, own, Buffer.from(bytes, 'base64'))
    ? { key }
    : `the signature of ${key} is not one of this manifest`;
}
