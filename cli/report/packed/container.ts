import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createTar, type ParsedTarFileItem, parseTar } from 'nanotar';

/** A bundle as files by their paths, in the order that they stand in. */
export type BundleFiles = ReadonlyMap<string, Buffer>;

/** Unpacked: no more than a Buffer of every platform takes. */
const MOST_BYTES = 2 ** 31 - 1;
/**
 * A bundle never unpacks to more times its size: results pack to a tenth, and thousands that all failed alike
 * to a fortieth.
 */
const MOST_TIMES = 100;
/** A bundle may always unpack to this many bytes, however small it is. */
const ALWAYS_BYTES = 2 ** 26;
/** Of gzip's header (RFC 1952): which system packed it; 255 = nobody says. */
const SYSTEM_BYTE = 9;
const NO_SYSTEM = 0xff;
/** At the end of a gzip file: how many bytes were packed, modulo 2^32. */
const SIZE_BYTES = 4;
/** Two blocks of zeros end a tar file (POSIX.1-2024, pax). */
const END_OF_TAR = Buffer.alloc(1024);
/** A tar header has so much room for a path. */
const LONGEST_PATH = 100;

/** @returns whether bytes are those of a bundle, or of something else that gzip packed. */
export function isPacked(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * @returns tar and gzip of files: the same files give the same bytes, whenever and on whatever system of one
 *   release of zlib.
 */
export function packed(files: BundleFiles): Buffer {
  const items = [...files].map(([name, data]) => ({ name, data }));
  const attrs = { mode: '644', uid: 0, gid: 0, mtime: 0, user: '', group: '' };
  const bytes = gzipSync(Buffer.concat([createTar(items, { attrs }), END_OF_TAR]), { level: 9 });
  bytes[SYSTEM_BYTE] = NO_SYSTEM;
  return bytes;
}

/**
 * @returns the files of a bundle, or in a sentence why it is none: nothing is ever written by their paths,
 *   and yet only plain ones are taken.
 */
export function unpacked(bytes: Buffer): BundleFiles | string {
  const tar = unzipped(bytes);
  if (typeof tar === 'string') return tar;
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

/**
 * @returns the tar file in a buffer of exactly its size, since its reader looks at the whole buffer; or a
 *   sentence why there is none.
 */
function unzipped(bytes: Buffer): Uint8Array | string {
  const size = bytes.length > SIZE_BYTES ? bytes.readUInt32LE(bytes.length - SIZE_BYTES) : 0;
  if (size > Math.min(MOST_BYTES, Math.max(ALWAYS_BYTES, MOST_TIMES * bytes.length)))
    return `it is no whole bundle: its ${bytes.length} bytes would be ${size} unpacked`;
  try {
    // In one chunk: joining several would need the memory twice.
    const tar = gunzipSync(bytes, { maxOutputLength: Math.max(1, size), chunkSize: Math.max(64, size) });
    return tar.byteLength === tar.buffer.byteLength ? tar : new Uint8Array(tar);
  } catch (error) {
    return `it cannot be unpacked: ${(error as Error).message}`;
  }
}

const isPlainPath = (path: string) =>
  path.length <= LONGEST_PATH && /^[\w.-]+(\/[\w.-]+)*$/.test(path) && !path.split('/').includes('..');

export const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');

const LINE_END = 0x0a;
/** Bytes of the longest line. A longer one is cut, and so is no JSON. */
const LONGEST_LINE = 2 ** 28;

/** @returns the lines of a file of JSON lines, one at a time: a large file is longer than a text can be. */
export function* linesOf(bytes: Buffer): Generator<string> {
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(LINE_END, from);
    const end = found < 0 ? bytes.length : found;
    yield bytes.toString('utf8', from, Math.min(end, from + LONGEST_LINE));
    from = end + 1;
  }
}
