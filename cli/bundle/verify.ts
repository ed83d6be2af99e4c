import type { KeyObject } from 'node:crypto';
import { bodiesOf } from '../../core/result/bodies.js';
import type { ResultRecord } from '../../core/result/result.js';
import { canRecompute } from '../../judgement/judge.js';
import { VERSION } from '../../process/package.js';
import { differences, isNear, type PublishedFigure, publishedOf } from '../../report/published.js';
import { recompute } from '../../roofline/judge.js';
import { type BundleFiles, linesOf, sha256, unpacked } from '../report/packed/container.js';
import { hexOf, recordOf } from './contents.js';
import { signerOf } from './keys.js';
import { IN_BUNDLE, reportOf } from './make.js';
import { MANIFEST, type Manifest, manifestSchema, SIGNATURE, unlike } from './manifest.js';

/** What came of looking at a bundle. */
export interface Verified {
  /** What does not hold, a sentence each that begins with the file and line; none = all of it holds. */
  readonly broken: readonly string[];
  /** Whose signature holds; null = it is not signed. */
  readonly key: string | null;
  readonly trials: number;
  /** Numbers that were published, and how many trials they were computed from again. */
  readonly figures: number;
  readonly again: number;
  readonly notes: readonly string[];
}

/** Of what follows from one change a reader needs some. */
const MOST_TOLD = 50;

/** Looks at a bundle without asking anybody. @param trusted whose signature it has to be; null = whosever. */
export function verifyBundle(bytes: Buffer, trusted: KeyObject | null): Verified {
  const files = unpacked(bytes);
  return typeof files === 'string' ? refusedFor(files) : verifyFiles(files, trusted);
}

/**
 * The same of its files: whether they are those of the manifest, the manifest is the one that was signed, records and bodies belong
 * together, and every published number comes out of the raw part again.
 */
export function verifyFiles(files: BundleFiles, trusted: KeyObject | null): Verified {
  const manifest = manifestOf(files);
  if (typeof manifest === 'string') return refusedFor(`${MANIFEST}: ${manifest}`);
  const text = files.get(MANIFEST)!;
  const signature = files.get(SIGNATURE);
  const signer = signature === undefined ? null : signerOf(text, signature, trusted);
  const broken = [
    ...unlike(files, manifest),
    ...(typeof signer === 'string' ? [`${SIGNATURE}: ${signer}`] : []),
    ...(signer === null && trusted !== null
      ? [`${SIGNATURE}: it is not signed, and a key was asked for`]
      : []),
  ];
  const key = signer === null || typeof signer === 'string' ? null : signer.key;
  const records = recordsIn(files, manifest);
  broken.push(...records.broken);
  const notes = signer === null ? ['it is not signed: who has it can make another'] : [];
  if (broken.length === 0) {
    if (manifest.version === VERSION) broken.push(...judgedAgain(files, records.of));
    else
      notes.push(
        `its numbers are not computed again: Ridgepoint ${manifest.version} wrote it, and this is ${VERSION}`,
      );
  }
  if (manifest.missing.length > 0)
    notes.push(`${manifest.missing.length} files of answers or calls were gone when it was made`);
  return {
    broken: broken.slice(0, MOST_TOLD),
    key,
    trials: records.of.length,
    figures: linesOf(files.get(IN_BUNDLE.published) ?? Buffer.alloc(0)).length,
    again: records.of.filter(canRecompute).length,
    notes,
  };
}

const refusedFor = (sentence: string): Verified => ({
  broken: [sentence],
  key: null,
  trials: 0,
  figures: 0,
  again: 0,
  notes: [],
});

function manifestOf(files: BundleFiles): Manifest | string {
  const text = files.get(MANIFEST);
  if (text === undefined) return 'it is not there';
  try {
    const read = manifestSchema.safeParse(JSON.parse(text.toString('utf8')));
    return read.success
      ? read.data
      : `${read.error.issues[0]?.path.join('.')}: ${read.error.issues[0]?.message}`;
  } catch {
    return 'it is not JSON';
  }
}

/** Records with what does not hold among them, and of the bodies that they refer to. */
function recordsIn(
  files: BundleFiles,
  manifest: Manifest,
): { readonly of: ResultRecord[]; readonly broken: string[] } {
  const of: ResultRecord[] = [];
  const broken: string[] = [];
  const seen = new Map<string, number>();
  for (const [i, line] of linesOf(files.get(IN_BUNDLE.trials) ?? Buffer.alloc(0)).entries()) {
    const at = `${IN_BUNDLE.trials} line ${i + 1}`;
    const record = recordOf(line);
    if (typeof record === 'string') {
      broken.push(`${at}: ${record}`);
      continue;
    }
    const before = seen.get(record.trialId);
    if (before !== undefined) broken.push(`${at}: trial ${record.trialId} stands in line ${before}, too`);
    seen.set(record.trialId, i + 1);
    for (const { kind, digest } of bodiesOf(record))
      if (!files.has(`${kind}/${hexOf(digest)}.jsonl`) && !manifest.missing.includes(digest))
        broken.push(`${at}: ${kind} ${digest} are not in the bundle, and not said to be missing`);
    of.push(record);
  }
  if (of.length !== manifest.trials)
    broken.push(`${IN_BUNDLE.trials}: it has ${of.length} trials, and the manifest ${manifest.trials}`);
  for (const [path, bytes] of files) {
    const [, hex] = /^(?:answers|calls)\/([0-9a-f]{64})\.jsonl$/.exec(path) ?? [];
    if (hex !== undefined && sha256(bytes) !== hex)
      broken.push(`${path}: its content is not the one that it is called by`);
  }
  return { of, broken };
}

function judgedAgain(files: BundleFiles, records: readonly ResultRecord[]): string[] {
  const recomputed = records.map((record) => recompute(record));
  const apart = records.flatMap((record, i) =>
    Object.entries(record.measurements).flatMap(([metric, { value }]) => {
      const other = recomputed[i]!.measurements[metric]?.value ?? null;
      const same = value === null || other === null ? value === other : isNear(value, other);
      return same
        ? []
        : [
            `${IN_BUNDLE.trials} line ${i + 1}: ${metric} ${value} stands there, and ${other} comes out of its raw readings`,
          ];
    }),
  );
  const published: PublishedFigure[] = [];
  for (const [i, line] of linesOf(files.get(IN_BUNDLE.published) ?? Buffer.alloc(0)).entries()) {
    try {
      published.push(JSON.parse(line) as PublishedFigure);
    } catch {
      return [...apart, `${IN_BUNDLE.published} line ${i + 1}: it is not JSON`];
    }
  }
  const document = files.get(IN_BUNDLE.sweep)?.toString('utf8') ?? null;
  const again = publishedOf(reportOf(recomputed, document));
  return [
    ...apart,
    ...differences(published, again).map((sentence) => `${IN_BUNDLE.published}: ${sentence}`),
  ];
}
