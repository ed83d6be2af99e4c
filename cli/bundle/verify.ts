import type { KeyObject } from 'node:crypto';
import { recompute } from '../../batching/judge.js';
import { hexOf } from '../../core/digest.js';
import { readJsonLine } from '../../core/input/json-line.js';
import { bodiesOf } from '../../core/result/bodies.js';
import type { ResultRecord } from '../../core/result/result.js';
import { canRecompute } from '../../judgement/judge.js';
import { VERSION } from '../../process/package.js';
import {
  differences,
  figureSchema,
  isNear,
  type PublishedFigure,
  publishedOf,
} from '../../report/published.js';
import { type BundleFiles, linesOf, sha256, unpacked } from '../report/packed/container.js';
import { recordOf } from '../report/run-folder.js';
import { signerOf } from './keys.js';
import { IN_BUNDLE, reportOf } from './make.js';
import { MANIFEST, type Manifest, manifestMismatches, manifestSchema, SIGNATURE } from './manifest.js';

/** What came of looking at a bundle. */
export interface Verified {
  /**
   * What does not hold, a sentence each that begins with the file and line; none = nothing speaks against it.
   */
  readonly broken: readonly string[];
  /**
   * Of a bundle that names another release: numbers that do not come out again here, a sentence each. The
   * judge of that release may differ from ours, or whoever made the bundle has changed the numbers and named
   * another release to hide that.
   */
  readonly unconfirmed: readonly string[];
  /** Whose signature holds; null = it is not signed. */
  readonly key: string | null;
  readonly trials: number;
  /** Numbers that were published, and of how many trials all numbers were computed again and came out. */
  readonly figures: number;
  readonly again: number;
  /** Trials whose numbers nobody can compute again: their raw readings are not in their records. */
  readonly asRecorded: number;
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
 * The same of its files: whether they are those of the manifest, the manifest is the one that was signed,
 * records and bodies belong together, and every published number comes out of the raw part again.
 */
export function verifyFiles(files: BundleFiles, trusted: KeyObject | null): Verified {
  const manifest = manifestOf(files);
  if (typeof manifest === 'string') return refusedFor(`${MANIFEST}: ${manifest}`);
  const text = files.get(MANIFEST)!;
  const signature = files.get(SIGNATURE);
  const signer = signature === undefined ? null : signerOf(text, signature, trusted);
  const broken = [
    ...manifestMismatches(files, manifest),
    ...(typeof signer === 'string' ? [`${SIGNATURE}: ${signer}`] : []),
    ...(signer === null && trusted !== null
      ? [`${SIGNATURE}: it is not signed, and a key was asked for`]
      : []),
  ];
  const key = signer === null || typeof signer === 'string' ? null : signer.key;
  const records = recordsIn(files, manifest);
  broken.push(...records.broken);
  const notes = signer === null ? ['it is not signed: who has it can make another'] : [];
  const differing = broken.length === 0 ? judgedAgain(files, records.of) : [];
  const isOurs = manifest.version === VERSION;
  if (isOurs) broken.push(...differing);
  else
    notes.push(
      `it says that Ridgepoint ${manifest.version} wrote it, and this is ${VERSION}: its numbers were computed again all the same`,
    );
  if (manifest.missing.length > 0)
    notes.push(`${manifest.missing.length} files of answers or calls were gone when it was made`);
  const numbered = records.of.filter(hasNumbers);
  const recomputed = differing.length === 0 && broken.length === 0 ? numbered.filter(canRecompute).length : 0;
  return {
    broken: broken.slice(0, MOST_TOLD),
    unconfirmed: isOurs ? [] : differing.slice(0, MOST_TOLD),
    key,
    trials: records.of.length,
    figures: countOf(linesOf(files.get(IN_BUNDLE.published) ?? NOTHING)),
    again: recomputed,
    asRecorded: numbered.filter((record) => !canRecompute(record)).length,
    notes,
  };
}

const NOTHING = Buffer.alloc(0);

function countOf(lines: Iterable<string>): number {
  let count = 0;
  for (const _ of lines) count += 1;
  return count;
}

/** @returns whether a trial has any number; failed ones have none. */
const hasNumbers = ({ measurements }: ResultRecord): boolean =>
  Object.values(measurements).some(({ value }) => value !== null);

const refusedFor = (sentence: string): Verified => ({
  broken: [sentence],
  unconfirmed: [],
  key: null,
  trials: 0,
  figures: 0,
  again: 0,
  asRecorded: 0,
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
  let number = 0;
  for (const line of linesOf(files.get(IN_BUNDLE.trials) ?? NOTHING)) {
    number += 1;
    const at = `${IN_BUNDLE.trials} line ${number}`;
    const record = recordOf(line);
    if (typeof record === 'string') {
      broken.push(`${at}: ${record}`);
      // In a file of something else, every line is broken.
      if (broken.length >= MOST_TOLD) return { of, broken };
      continue;
    }
    const before = seen.get(record.trialId);
    if (before !== undefined) broken.push(`${at}: trial ${record.trialId} stands in line ${before}, too`);
    seen.set(record.trialId, number);
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

/** @returns a sentence for each number or grade in the files that does not come out of the raw readings. */
function judgedAgain(files: BundleFiles, records: readonly ResultRecord[]): string[] {
  const recomputed: ResultRecord[] = [];
  for (const [i, record] of records.entries()) {
    try {
      recomputed.push(recompute(record));
    } catch (error) {
      return [`${IN_BUNDLE.trials} line ${i + 1}: it cannot be judged again: ${(error as Error).message}`];
    }
  }
  const apart = records.flatMap((record, i) =>
    differencesOf(record, recomputed[i]!).map((what) => `${IN_BUNDLE.trials} line ${i + 1}: ${what}`),
  );
  const published: PublishedFigure[] = [];
  for (const line of linesOf(files.get(IN_BUNDLE.published) ?? NOTHING)) {
    const figure = readJsonLine(figureSchema, line, 'a published number');
    if (typeof figure === 'string')
      return [...apart, `${IN_BUNDLE.published} line ${published.length + 1}: ${figure}`];
    published.push(figure);
  }
  const document = files.get(IN_BUNDLE.sweep)?.toString('utf8') ?? null;
  const again = publishedOf(reportOf(recomputed, document));
  return [
    ...apart,
    ...differences(published, again).map((sentence) => `${IN_BUNDLE.published}: ${sentence}`),
  ];
}

/** Compares numbers and the grade: without its warnings, a faulty row would be shown as a clean one. */
function differencesOf(record: ResultRecord, other: ResultRecord): string[] {
  const numbers = Object.entries(record.measurements).flatMap(([metric, { value }]) => {
    const found = other.measurements[metric]?.value ?? null;
    const same = value === null || found === null ? value === found : isNear(value, found);
    return same ? [] : [`${metric} ${value} stands there, and ${found} comes out of its raw readings`];
  });
  const [stated, found] = [record, other].map(gradeText);
  return stated === found ? numbers : [...numbers, `it is ${stated}, and ${found} by its raw readings`];
}

function gradeText({ valid, warnings }: ResultRecord): string {
  const codes = [...new Set(warnings.map(({ code }) => code))].sort();
  return `${valid ? 'valid' : 'invalid'} with ${codes.length === 0 ? 'no warnings' : codes.join(', ')}`;
}
