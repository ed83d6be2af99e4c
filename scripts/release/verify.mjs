#!/usr/bin/env node
// Checks a release that was downloaded: `node verify.mjs --key FILE FOLDER`. Every attestation in the folder
// (NAME.dsse.json: an in-toto statement in a DSSE envelope, signed with Ed25519) has to be signed by the key,
// and every other file has to be a subject of one, byte for byte. This file needs Node.js and nothing else:
// it is read before it is trusted.
//
// Exit code 0: the release is whole and from the owner of the key. 1: it is not, and each reason is a line.
// 2: the check could not be made.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';

const USAGE = 'usage: node verify.mjs --key PUBLIC-KEY.pem FOLDER';
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const ENDING = '.dsse.json';

/** What cannot be tried at all, as against what was tried and failed. */
class Usage extends Error {}

function wordsOf(args) {
  try {
    const { values, positionals } = parseArgs({
      args,
      options: { key: { type: 'string' } },
      allowPositionals: true,
    });
    if (values.key === undefined || positionals.length !== 1) throw new Usage(USAGE);
    return { keyFile: values.key, folder: positionals[0] };
  } catch (error) {
    throw error instanceof Usage ? error : new Usage(`${error.message}; ${USAGE}`);
  }
}

function readKey(file) {
  let pem;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Usage(`the key cannot be read: ${error.message}`);
  }
  // A private key would be taken, too, and is none of the reader's business.
  if (/^-----BEGIN .*PRIVATE KEY/m.test(pem))
    throw new Usage(`${file} is a private key; name the public one`);
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Said below.
  }
  throw new Usage(`${file} is no public key of Ed25519 in PEM`);
}

/** @returns the files under a folder, as paths from it with slashes. Links are named, not followed. */
function filesIn(folder) {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => ({
        path: relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'),
        isFile: entry.isFile(),
      }));
  } catch (error) {
    throw new Usage(`the folder cannot be read: ${error.message}`);
  }
}

async function digestOf(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** Base64 in its one spelling: what decodes to the same bytes and is spelled otherwise was changed. */
function decode(text, what) {
  const bytes = Buffer.from(String(text), 'base64');
  if (bytes.toString('base64') !== text) throw new Error(`${what} is no base64`);
  return bytes;
}

/** What is signed: the type and the payload, each behind its length (DSSE, "PAE"). */
const signedBytes = (payload) =>
  Buffer.concat([Buffer.from(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `), payload]);

/** @returns the subjects of an attestation, as [name, sha256]. Throws where it is not signed by the key. */
function subjectsOf(text, key) {
  const envelope = JSON.parse(text);
  if (envelope.payloadType !== PAYLOAD_TYPE) throw new Error(`its payload is no ${PAYLOAD_TYPE}`);
  const payload = decode(envelope.payload, 'its payload');
  const keyId = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
  const signature = envelope.signatures.find(({ keyid }) => keyid === keyId);
  if (signature === undefined) throw new Error('it has no signature of this key');
  if (!verify(null, signedBytes(payload), key, decode(signature.sig, 'its signature')))
    throw new Error('its signature does not fit its payload');
  const statement = JSON.parse(payload.toString('utf8'));
  if (statement._type !== STATEMENT_TYPE) throw new Error(`it is no ${STATEMENT_TYPE}`);
  return statement.subject.map(({ name, digest }) => [name, digest.sha256]);
}

/** @returns what is wrong, a line each; empty where the release is whole. */
async function check(folder, key) {
  const wrong = [];
  const files = filesIn(folder);
  const attestations = files.filter(({ path }) => path.endsWith(ENDING) && !path.includes('/'));
  if (attestations.length === 0) wrong.push(`there is no attestation (*${ENDING})`);
  /** @type {Map<string, Set<string>>} */
  const subjects = new Map();
  for (const { path } of attestations)
    try {
      for (const [name, digest] of subjectsOf(readFileSync(join(folder, path), 'utf8'), key))
        subjects.set(name, (subjects.get(name) ?? new Set()).add(digest));
    } catch (error) {
      wrong.push(`${path}: ${error.message}`);
    }
  const present = new Set(files.map(({ path }) => path));
  for (const [name, digests] of subjects)
    if (!present.has(name)) wrong.push(`${name}: attested, and missing`);
    else if (digests.size > 1) wrong.push(`${name}: attested with two digests`);
  for (const { path, isFile } of files) {
    if (attestations.some((attestation) => attestation.path === path)) continue;
    const digests = subjects.get(path);
    if (!isFile) wrong.push(`${path}: no file`);
    else if (digests === undefined) wrong.push(`${path}: no attestation names it`);
    else if (!digests.has(await digestOf(join(folder, path))))
      wrong.push(`${path}: its bytes are not the attested ones`);
  }
  return { wrong, attestations: attestations.length, files: files.length - attestations.length };
}

try {
  const { keyFile, folder } = wordsOf(process.argv.slice(2));
  const { wrong, attestations, files } = await check(folder, readKey(keyFile));
  for (const line of wrong) console.error(`verify: ${line}`);
  if (wrong.length === 0)
    console.log(
      `${basename(folder)}: ${files} files are as ${attestations} attestations say, signed by ${keyFile}`,
    );
  process.exitCode = wrong.length === 0 ? 0 : 1;
} catch (error) {
  console.error(`verify: ${error.message}`);
  process.exitCode = error instanceof Usage ? 2 : 1;
}
