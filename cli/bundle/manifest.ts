import { z } from 'zod';
import { groupBy } from '../../core/maps.js';
import { type BundleFiles, linesOf, sha256 } from '../report/packed/container.js';

export const MANIFEST = 'manifest.json';
export const SIGNATURE = 'manifest.sig.json';
export const BUNDLE_SCHEMA = 'ridgepoint.dev/bundle/v1';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
/**
 * Digits of a line's digest that are kept. They only find the line that differs: the digest of the whole file
 * is what counts.
 */
const LINE_DIGITS = 16;
/** Digests of the lines of longer files are left out. */
const MOST_LINES = 100_000;

const entry = z.strictObject({
  path: z.string(),
  bytes: z.int().nonnegative(),
  sha256: digest,
  /** Of each line of a file of JSON lines, its beginning: they tell which line is another. */
  lines: z.array(z.string()).optional(),
});

/** What a bundle is and holds. */
export const manifestSchema = z.strictObject({
  schema: z.literal(BUNDLE_SCHEMA),
  /** Of Ridgepoint. */
  version: z.string(),
  sweeps: z.array(z.string()),
  trials: z.int().nonnegative(),
  /** Digests of models and artifacts that ran. */
  models: z.array(z.strictObject({ name: z.string(), digest: z.string() })),
  /** Bodies that records refer to and nobody had any more. */
  missing: z.array(z.string()),
  files: z.array(entry),
});
export type Manifest = z.output<typeof manifestSchema>;

const lineDigits = (line: string): string => sha256(line).slice(0, LINE_DIGITS);

/** @returns what a manifest says of files. */
export function entriesOf(files: BundleFiles): Manifest['files'] {
  return [...files].map(([path, bytes]) => {
    const lines = path.endsWith('.jsonl') ? Array.from(linesOf(bytes), lineDigits) : null;
    return {
      path,
      bytes: bytes.length,
      sha256: sha256(bytes),
      ...(lines !== null && lines.length <= MOST_LINES ? { lines } : {}),
    };
  });
}

/** @returns what does not hold of files by their manifest, a sentence each. */
export function manifestMismatches(files: BundleFiles, manifest: Manifest): string[] {
  const listed = new Set(manifest.files.map(({ path }) => path));
  const others = [...files.keys()].filter(
    (path) => !listed.has(path) && path !== MANIFEST && path !== SIGNATURE,
  );
  const twice = [...groupBy(manifest.files, ({ path }) => path)].filter(([, same]) => same.length > 1);
  return [
    ...twice.map(([path]) => `${MANIFEST}: it lists ${path} twice`),
    ...others.map((path) => `${path}: the manifest does not list it`),
    ...manifest.files.flatMap((wanted) => differsFrom(files.get(wanted.path), wanted)),
  ];
}

function differsFrom(bytes: Buffer | undefined, { path, ...wanted }: Manifest['files'][number]): string[] {
  if (bytes === undefined) return [`${path}: it is in the manifest, and not in the bundle`];
  if (sha256(bytes) === wanted.sha256 && bytes.length === wanted.bytes) return [];
  return [
    `${path}${firstDifference(bytes, wanted.lines)}: it is not what the manifest has the digest of (sha256 ${sha256(bytes).slice(0, 12)}…, not ${wanted.sha256.slice(0, 12)}…)`,
  ];
}

/**
 * @param wanted the first digits of each line's digest; undefined = the manifest has none.
 * @returns the place of the first line that differs, as part of a sentence.
 */
function firstDifference(bytes: Buffer, wanted: readonly string[] | undefined): string {
  if (wanted === undefined) return '';
  let same = 0;
  for (const line of linesOf(bytes)) {
    if (lineDigits(line) !== wanted[same]) return ` line ${same + 1}`;
    same += 1;
  }
  return same < wanted.length ? ` line ${same + 1} and what follows is gone, and` : '';
}
