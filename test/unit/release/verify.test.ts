import { spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { subjectsIn, writeAttestation } from '../../../scripts/release/attestation.js';

const VERIFY = join(import.meta.dirname, '../../../scripts/release/verify.mjs');
const CLAIM = { predicateType: 'https://slsa.dev/provenance/v1', predicate: {} };

let place: string;
let folder: string;
let key: KeyObject;
let keyFile: string;

function writePublicKey(name: string, of: KeyObject): string {
  const file = join(place, name);
  writeFileSync(file, createPublicKey(of).export({ type: 'spki', format: 'pem' }));
  return file;
}

const verify = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [VERIFY, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
};
const refusal = (why: RegExp) => ({ status: 1, stdout: '', stderr: expect.stringMatching(why) });

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'ridgepoint-verify-'));
  folder = join(place, 'release');
  mkdirSync(join(folder, 'image'), { recursive: true });
  writeFileSync(join(folder, 'ridgepoint-0.1.0.tgz'), 'the package');
  writeFileSync(join(folder, 'image/index.json'), '{}');
  key = generateKeyPairSync('ed25519').privateKey;
  keyFile = writePublicKey('key.pem', key);
  writeAttestation(join(folder, 'provenance.dsse.json'), key, await subjectsIn(folder), CLAIM);
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

describe('verification of a release', () => {
  it('accepts what was signed', () => {
    expect(verify('--key', keyFile, folder)).toEqual({
      status: 0,
      stdout: `release: 2 files are as 1 attestations say, signed by ${keyFile}\n`,
      stderr: '',
    });
  });

  it.each(['ridgepoint-0.1.0.tgz', 'image/index.json', 'provenance.dsse.json'])(
    'refuses each byte of %s that is changed, and names the file',
    (name) => {
      const file = join(folder, name);
      const whole = readFileSync(file);
      const step = Math.max(1, Math.floor(whole.length / 12));
      for (let at = 0; at < whole.length; at += step) {
        const changed = Buffer.from(whole);
        changed[at]! ^= 1;
        writeFileSync(file, changed);
        expect(verify('--key', keyFile, folder), `byte ${at}`).toEqual(refusal(new RegExp(name)));
      }
    },
    60_000,
  );

  it('refuses a file that is missing, one that nobody named, and a link', () => {
    rmSync(join(folder, 'image/index.json'));
    writeFileSync(join(folder, 'extra.tgz'), 'not ours');
    symlinkSync('ridgepoint-0.1.0.tgz', join(folder, 'link.tgz'));
    const { status, stderr } = verify('--key', keyFile, folder);
    expect(status).toBe(1);
    expect(stderr.trim().split('\n').sort()).toEqual([
      'verify: extra.tgz: no attestation names it',
      'verify: image/index.json: attested, and missing',
      'verify: link.tgz: no file',
    ]);
  });

  it('refuses the signature of another key, also one under the name of ours', async () => {
    const other = generateKeyPairSync('ed25519').privateKey;
    expect(verify('--key', writePublicKey('other.pem', other), folder)).toEqual(
      refusal(/it has no signature of this key/),
    );
    const file = join(folder, 'provenance.dsse.json');
    const ours = JSON.parse(readFileSync(file, 'utf8')) as { signatures: [{ keyid: string; sig: string }] };
    writeAttestation(file, other, await subjectsIn(folder), CLAIM);
    const theirs = JSON.parse(readFileSync(file, 'utf8')) as typeof ours;
    theirs.signatures[0].keyid = ours.signatures[0].keyid;
    writeFileSync(file, JSON.stringify(theirs));
    expect(verify('--key', keyFile, folder)).toEqual(refusal(/its signature does not fit its payload/));
  });

  it('refuses a folder without an attestation', () => {
    rmSync(join(folder, 'provenance.dsse.json'));
    expect(verify('--key', keyFile, folder)).toEqual(refusal(/there is no attestation/));
  });

  it('says what it lacks where it cannot check: exit code 2', () => {
    const said = (...args: string[]) => {
      const { status, stderr } = verify(...args);
      expect(status).toBe(2);
      return stderr;
    };
    const privateFile = join(place, 'private.pem');
    writeFileSync(privateFile, key.export({ type: 'pkcs8', format: 'pem' }));
    expect(said(folder)).toMatch(/^verify: usage: /);
    expect(said('--kay', keyFile, folder)).toMatch(/Unknown option '--kay'.*usage: /);
    expect(said('--key', join(place, 'none.pem'), folder)).toMatch(/the key cannot be read: ENOENT/);
    expect(said('--key', privateFile, folder)).toMatch(/is a private key; name the public one/);
    expect(said('--key', VERIFY, folder)).toMatch(/is no public key of Ed25519/);
    expect(said('--key', keyFile, join(place, 'nowhere'))).toMatch(/the folder cannot be read: ENOENT/);
  });
});
