/**
 * Statements about the files of a release: in-toto statements (https://in-toto.io/Statement/v1) in DSSE
 * envelopes (https://github.com/secure-systems-lab/dsse), signed with Ed25519. `verify.mjs` beside this file
 * reads them.
 */
import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { createReadStream, readdirSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
export const ATTESTATION_ENDING = '.dsse.json';

/** A file that a statement is about: its path from the release's folder, with slashes. */
export interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

/** What is said of the subjects, in the form that its type names. */
export interface Claim {
  readonly predicateType: string;
  readonly predicate: unknown;
}

/** @returns the SHA-256 of a file, in hexadecimal digits. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** @returns every file under a folder that is no attestation, by name. */
export async function subjectsIn(folder: string): Promise<Subject[]> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((name) => !name.endsWith(ATTESTATION_ENDING))
    .sort();
  return Promise.all(
    names.map(async (name) => ({ name, digest: { sha256: await digestOfFile(join(folder, name)) } })),
  );
}

/**
 * @returns the name of a key in envelopes: the SHA-256 of its public half (SPKI, DER), in hexadecimal digits.
 */
export const keyIdOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(createPublicKey(key).export({ type: 'spki', format: 'der' }))
    .digest('hex');

/** What is signed: the type and the payload, each behind its length (DSSE's pre-authentication encoding). */
const signedBytes = (payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload]);

/**
 * Writes a statement as a signed envelope.
 *
 * @param key private, of Ed25519
 */
export function writeAttestation(
  file: string,
  key: KeyObject,
  subjects: readonly Subject[],
  claim: Claim,
): void {
  const statement = { _type: 'https://in-toto.io/Statement/v1', subject: subjects, ...claim };
  const payload = Buffer.from(JSON.stringify(statement));
  const envelope = {
    payloadType: PAYLOAD_TYPE,
    payload: payload.toString('base64'),
    signatures: [{ keyid: keyIdOf(key), sig: sign(null, signedBytes(payload), key).toString('base64') }],
  };
  writeFileSync(file, `${JSON.stringify(envelope)}\n`);
}
