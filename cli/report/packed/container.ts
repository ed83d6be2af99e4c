import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createTar, type ParsedTarFileItem, parseTar } from 'nanotar';

/** A bundle as files by their paths, in the order that they stand in. */
export type BundleFiles = ReadonlyMap<string, Buffer>;

/** Unpacked: no more than a Buffer of every platform takes. */
const MOST_BYTES = 2 ** 31 - 1;
/** Of gzip's header (RFC 1952): which system packed it; 255 = nobody says. */
const SYSTEM_BYTE = 9;
const NO_SYSTEM = 0xff;
/** A tar header has so much room for a path. */
const LONGEST_PATH = 100;

/** @returns whether bytes are those of a bundle, or of something else that gzip packed. */
export function isPacked(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** @returns tar and gzip of files: the same files give the same bytes, whenever and on whatever system of one release of zlib. */
export function packed(files: BundleFiles): Buffer {
  const items = [...files].map(([name, data]) => ({ name, data }));
  const attrs = { mode: '644', uid: 0, gid: 0, mtime: 0, user: '', group: '' };
  const bytes = gzipSync(createTar(items, { attrs }), { level: 9 });
  bytes[SYSTEM_BYTE] = NO_SYSTEM;
  return bytes;
}

/**
 * @returns the files of a bundle, or in a sentence why it is none: nothing is ever written by their paths, and yet only plain ones are taken.
 */
export function unpacked(bytes: Buffer): BundleFiles | string {
  let tar: Buffer;
  try {
    tar = gunzipSync(bytes, { maxOutputLength: MOST_BYTES });
  } catch (error) {
    return `it cannot be unpacked: ${(error as Error).message}`;
  }
  const files = new Map<string, Buffer>();
  let items: ParsedTarFileItem[];
  try {
    items = parseTar(tar);
  } catch (error) {
    return `it is no tar file: ${(error as Error).message}`;
  }
  for (const { name, type, data } of items) {
    if (type !== 'file') return `${JSON.stringify(name)} is no plain file`;
    if (!isPlainPath(name)) return `${JSON.stringify(name)} is no path of a bundle`;
    if (files.has(name)) return `${name} is there twice`;
    const { buffer, byteOffset, byteLength } = data ?? new Uint8Array();
    files.set(name, Buffer.from(buffer, byteOffset, byteLength));
  }
  return files.size === 0 ? 'it holds no file' : files;
}

const isPlainPath = (path: string) =>
  path.length <= LONGEST_PATH && /^[\w.-]+(\/[\w.-]+)*$/.test(path) && !path.split('/').includes('..');

export const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** @returns the lines of a file of JSON lines. */
export function linesOf(bytes: Buffer): string[] {
  const lines = bytes.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
