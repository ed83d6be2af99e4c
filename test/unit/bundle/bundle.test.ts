import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createTar } from 'nanotar';
import { describe, expect, test, vi } from 'vitest';
import { recompute } from '../../../batching/judge.js';
import { makeKeys, publicKeyAt, signed } from '../../../cli/bundle/keys.js';
import { filled } from '../../../cli/bundle/make.js';
import { entriesOf, MANIFEST, SIGNATURE } from '../../../cli/bundle/manifest.js';
import { printVerified } from '../../../cli/bundle/print.js';
import { verifyBundle, verifyFiles } from '../../../cli/bundle/verify.js';
import { type BundleFiles, packed, sha256, unpacked } from '../../../cli/report/packed/container.js';
import { readRun } from '../../../cli/report/run-folder.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { warn } from '../../../core/result/warnings.js';
import { buildReport } from '../../../report/build.js';
import { differences, publishedOf } from '../../../report/published.js';
import { experimentOf } from '../../support/experiments.js';
import { sharedFolder } from '../../support/folder.js';
import { completeTrial } from '../../support/records.js';
import { calmInput } from '../judgement/trace.js';

const folder = sharedFolder();

/** Records that hold all that their figures are computed from. */
const records = ['f16', 'q8_0', 'q4_k_m'].map((quantization, position): ResultRecord => {
  const experiment = { ...experimentOf({ quantization }) };
  const base = completeTrial({ experiment, position });
  const { given, phases, tokenSeconds, samples } = calmInput({ experiment });
  return recompute({ ...base, given, phases, tokenSeconds, samples } as ResultRecord);
});
const DOCUMENT = 'a sweep that nobody parses';
const answers = Buffer.from('{"item":"1","text":"yes"}\n');
const contents = {
  name: 'run',
  lines: records.map((record) => JSON.stringify(record)),
  document: DOCUMENT,
  bodies: [],
};
const keyPath = join(folder, 'key.pem');
const { name: keyName, publicPath } = makeKeys(keyPath);
const made = filled([contents]).files;
const withSignature = (files: BundleFiles, key = keyPath): BundleFiles =>
  new Map(
    [...files]
      .filter(([path]) => path !== SIGNATURE)
      .concat([[SIGNATURE, signed(files.get(MANIFEST)!, key)]]),
  );
const whole = withSignature(made);

/** The same files with one of them changed, taken away or added. */
const changed = (path: string, by: (bytes: Buffer) => Buffer | null, files = whole): BundleFiles => {
  const next = by(files.get(path) ?? Buffer.alloc(0));
  const others = [...files].filter(([name]) => name !== path);
  return new Map(next === null ? others : [...others, [path, next]]);
};
const text = (by: (text: string) => string) => (bytes: Buffer) => Buffer.from(by(bytes.toString('utf8')));
/** As who tampers and writes all digests again, and signs by a key of his own, or not at all. */
const coveredUp = (files: BundleFiles, key: string | null): BundleFiles => {
  const manifest = JSON.parse(files.get(MANIFEST)!.toString());
  const rest = new Map([...files].filter(([path]) => path !== MANIFEST && path !== SIGNATURE));
  const next = Buffer.from(JSON.stringify({ ...manifest, files: entriesOf(rest) }));
  const all = new Map([[MANIFEST, next], ...rest]);
  return key === null ? all : withSignature(all, key);
};
const faulty = recompute({
  ...records[0]!,
  given: { ...records[0]!.given!, warnings: [warn('most-failed', 'most requests failed')] },
});
const otherKey = join(folder, 'other.pem');
writeFileSync(otherKey, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
const faster = text((lines) => lines.replace(/("decodeTokensPerSecond":\{"value":)[\d.]+/, '$11e6'));
const edited = (path: string, by: (text: string) => string) => () => changed(path, text(by));
const rewritten = (path: string, by: (value: Record<string, never>) => object) =>
  edited(path, (one) => JSON.stringify(by(JSON.parse(one))));

describe('a bundle', () => {
  test('is the same bytes for the same results, holds, and says who signed', () => {
    expect(packed(whole).equals(packed(withSignature(filled([contents]).files)))).toBe(true);
    const verified = verifyBundle(packed(whole), publicKeyAt(publicPath));
    expect(verified).toMatchObject({ broken: [], key: keyName, trials: 3, again: 3, notes: [] });
    expect(verified.figures).toBeGreaterThan(30);
    expect(statSync(keyPath).mode & 0o777).toBe(0o600);
  });

  test('unsigned is possible, and said', () => {
    const verified = verifyBundle(packed(made), null);
    expect(verified).toMatchObject({
      broken: [],
      key: null,
      notes: ['it is not signed: who has it can make another'],
    });
  });

  test('is read as a run, whose published numbers all come out of the raw part again', () => {
    const path = join(folder, 'run.bundle');
    writeFileSync(path, packed(whole));
    const { records: read, request, published } = readRun(path);
    expect(read.map(({ trialId }) => trialId)).toEqual(records.map(({ trialId }) => trialId));
    const again = buildReport(
      read.map((record) => recompute(record)),
      request,
    );
    expect(differences(published!, publishedOf(again))).toEqual([]);
    const [first, ...others] = published!;
    expect(differences([{ ...first!, value: first!.value * 2 }, ...others], publishedOf(again))).toEqual([
      expect.stringMatching(/^row 1 .*was published, .* comes out$/),
    ]);
  });

  const tampered: [what: string, make: () => BundleFiles | Buffer, line: RegExp, whom?: 'trusted'][] = [
    [
      'a number of a record',
      () => changed('trials.jsonl', faster),
      /^trials\.jsonl line 1: it is not what the manifest has/,
    ],
    [
      'a raw sample',
      edited('trials.jsonl', (t) => t.replace(/"endSeconds":[\d.]+/, '"endSeconds":99')),
      /^trials\.jsonl line 1:/,
    ],
    [
      'a line taken out',
      edited('trials.jsonl', (t) => t.split('\n').toSpliced(1, 1).join('\n')),
      /^trials\.jsonl line 2:/,
    ],
    [
      'the last line cut off',
      edited('trials.jsonl', (t) => `${t.split('\n').slice(0, 2).join('\n')}\n`),
      /^trials\.jsonl line 3 and what follows is gone/,
    ],
    ['a line twice', edited('trials.jsonl', (t) => `${t}${t.split('\n')[0]}\n`), /^trials\.jsonl line 4:/],
    [
      'a published number',
      edited('published.jsonl', (t) => t.replace(/"value":/, '"value":1')),
      /^published\.jsonl line 1:/,
    ],
    [
      'the environment',
      edited('environment.json', (t) => t.replace('cpuModel', 'cpuModels')),
      /^environment\.json: it is not what/,
    ],
    ['the sweep', edited('sweep.yaml', (t) => `${t}!`), /^sweep\.yaml: it is not what/],
    [
      'a file taken out',
      () => changed('sweep.yaml', () => null),
      /^sweep\.yaml: it is in the manifest, and not in the bundle/,
    ],
    [
      'a file added',
      () => changed('more.txt', () => Buffer.from('x')),
      /^more\.txt: the manifest does not list it/,
    ],
    ['no manifest', () => changed(MANIFEST, () => null), /^manifest\.json: it is not there/],
    [
      'a manifest that is no JSON',
      () => changed(MANIFEST, () => Buffer.from('{')),
      /^manifest\.json: it is not JSON/,
    ],
    [
      'another count of trials',
      rewritten(MANIFEST, (m) => ({ ...m, trials: 9 })),
      /^manifest\.sig\.json: the signature of [0-9a-f]+ is not one of this manifest/,
    ],
    [
      'a signature of something else',
      rewritten(SIGNATURE, (s) => ({ ...s, signature: Buffer.alloc(64).toString('base64') })),
      /^manifest\.sig\.json: the signature/,
    ],
    [
      'a key by another name',
      rewritten(SIGNATURE, (s) => ({ ...s, key: 'friend' })),
      /^manifest\.sig\.json: its key is called friend/,
    ],
    [
      'all signed again by another',
      () => coveredUp(changed('trials.jsonl', faster), otherKey),
      /^manifest\.sig\.json: it is signed by [0-9a-f]+, not by the key/,
      'trusted',
    ],
    [
      'the signature taken out',
      () => changed(SIGNATURE, () => null),
      /^manifest\.sig\.json: it is not signed, and a key was asked for/,
      'trusted',
    ],
    [
      'a number with every digest written again',
      () => coveredUp(changed('trials.jsonl', faster), null),
      /^trials\.jsonl line 1: decodeTokensPerSecond 1000000 stands there, and [\d.]+ comes out/,
    ],
    [
      'a published number with every digest written again',
      () =>
        coveredUp(
          changed(
            'published.jsonl',
            text((t) => t.replace(/"value":/, '"value":1')),
          ),
          null,
        ),
      /^published\.jsonl: row 1 .* comes out$/,
    ],
    [
      'a trial twice with every digest written again',
      () =>
        coveredUp(
          changed(
            'trials.jsonl',
            text((t) => `${t}${t.split('\n')[0]}\n`),
          ),
          null,
        ),
      /^trials\.jsonl line 4: trial \S+ stands in line 1, too/,
    ],
    [
      'answers under the name of others',
      () =>
        coveredUp(
          changed(`answers/${sha256('x')}.jsonl`, () => answers),
          null,
        ),
      /^answers\/[0-9a-f]{64}\.jsonl: its content is not the one/,
    ],
    [
      'the grade of a faulty row taken out',
      () =>
        filled([{ ...contents, lines: [JSON.stringify({ ...faulty, warnings: [], valid: true })] }]).files,
      /^trials\.jsonl line 1: it is valid with no warnings, and invalid with most-failed by its raw readings$/,
    ],
    [
      'a published number that is none',
      () =>
        coveredUp(
          changed('published.jsonl', () => Buffer.from('null\n')),
          null,
        ),
      /^published\.jsonl line 1: not a published number/,
    ],
    [
      'half of the file',
      () => packed(whole).subarray(0, 500),
      /^it (?:cannot be unpacked|is no whole bundle): /,
    ],
    [
      'a path that leaves',
      () => packed(new Map([...whole, ['../x', answers]])),
      /^x: the manifest does not list it/,
    ],
  ];
  test.each(tampered)('with %s is refused with the line that does not hold', (_what, make, line, whom) => {
    const one = make();
    const key = whom === 'trusted' ? publicKeyAt(publicPath) : null;
    const { broken } = Buffer.isBuffer(one) ? verifyBundle(one, key) : verifyFiles(one, key);
    expect(broken[0]).toMatch(line);
  });

  test('answers that records refer to are in it, or said to be gone', () => {
    const [first] = records;
    const quality = { answers: [{ digest: `sha256:${sha256(answers)}` }] };
    const line = JSON.stringify({ ...first, quality });
    expect(() => filled([{ ...contents, lines: [line] }])).toThrow(/not a result record: quality/);
    const back = unpacked(packed(whole)) as BundleFiles;
    expect([...back.keys()]).toEqual([...whole.keys()]);
    for (const [path, bytes] of whole) expect(back.get(path)?.equals(bytes)).toBe(true);
    expect(createPublicKey(readFileSync(keyPath)).asymmetricKeyType).toBe('ed25519');
    expect(() => makeKeys(keyPath)).toThrow(/is there already/);
    expect(() => publicKeyAt(join(folder, 'run.bundle'))).toThrow(/is no public Ed25519 key in PEM/);
  });
});

describe('a bundle whose numbers cannot be confirmed', () => {
  const ofVersion = (files: BundleFiles): BundleFiles =>
    changed(
      MANIFEST,
      text((one) => JSON.stringify({ ...JSON.parse(one), version: '0.0.9' })),
      files,
    );
  const verified = (files: BundleFiles) => {
    const path = join(folder, 'asked.bundle');
    writeFileSync(path, packed(files));
    const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const code = printVerified(path, {});
      const data = out.mock.calls.map(([one]) => String(one)).join('');
      return { code, data, notes: err.mock.calls.map(([one]) => String(one)).join('') };
    } finally {
      vi.restoreAllMocks();
    }
  };
  const forged = filled([
    {
      ...contents,
      lines: contents.lines.map((line) => faster(Buffer.from(line)).toString()),
    },
  ]).files;

  test('of another release, whose numbers come out: it holds, and the release is named', () => {
    const { code, data, notes } = verified(ofVersion(made));
    expect(code).toBe(0);
    expect(data).toMatch(/^it holds: 3 trials, .*those of 3 trials were computed again and came out\n$/);
    expect(notes).toMatch(/it says that Ridgepoint 0\.0\.9 wrote it/);
  });

  test('of another release, whose numbers do not: exit code 6, and each number', () => {
    const { code, data } = verified(ofVersion(forged));
    expect(code).toBe(6);
    expect(data).toMatch(/^does not come out again: trials\.jsonl line 1: decodeTokensPerSecond 1000000/);
    expect(data).toMatch(/\nNOT confirmed: 3 trials, .*; unsigned\./);
    expect(data).not.toContain('it holds');
    expect(verifyFiles(ofVersion(forged), null)).toMatchObject({ broken: [], again: 0 });
    // By its own release it is forged.
    expect(verified(forged)).toMatchObject({ code: 1 });
  });

  test('without its raw readings: exit code 6', () => {
    const lines = records.map(({ given: _, ...record }, i) => JSON.stringify(i === 0 ? record : records[i]));
    const { code, data } = verified(filled([{ ...contents, lines }]).files);
    expect(code).toBe(6);
    expect(data).toMatch(/^NOT confirmed: .*Numbers of 2 trials were computed again; those of 1 are only/);
  });
});

describe('what is no bundle', () => {
  const attrs = { mode: '644', uid: 0, gid: 0, mtime: 0, user: '', group: '' };
  /** Three files whose tar has exactly 10,240 bytes, so that no end marker is behind them. */
  const exact = () =>
    createTar(
      ['a', 'b', 'c'].map((name, i) => ({ name, data: Buffer.alloc(i === 0 ? 7680 : 512, name) })),
      { attrs },
    );

  test('a tar without an end marker is read to its end, and nothing of the memory behind it', () => {
    expect(exact().length).toBe(10_240);
    for (let i = 0; i < 20; i += 1)
      expect([...(unpacked(gzipSync(exact())) as BundleFiles).keys()]).toEqual(['a', 'b', 'c']);
  });

  test('what is packed has an end marker, whatever its size', () => {
    const files = new Map([['a', Buffer.alloc(9728)]]);
    expect(gunzipSync(packed(files)).subarray(-1024).equals(Buffer.alloc(1024))).toBe(true);
  });

  test('what would be a hundred times its size is not unpacked, nor what says too small a size', () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 27), { level: 9 });
    expect(unpacked(bomb)).toBe(
      `it is no whole bundle: its ${bomb.length} bytes would be ${2 ** 27} unpacked`,
    );
    bomb.writeUInt32LE(1000, bomb.length - 4);
    expect(unpacked(bomb)).toMatch(/^it cannot be unpacked: /);
  });

  test('of a file of empty lines some are told, not all', () => {
    const empty = changed('trials.jsonl', () => Buffer.alloc(1_000_000, '\n'), made);
    expect(verifyFiles(empty, null).broken.length).toBeLessThanOrEqual(50);
  });
});
