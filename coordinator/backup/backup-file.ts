import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { z } from 'zod';
import { type FailureError, failed } from '../../core/errors.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { bodiesOf } from '../../core/result/bodies.js';
import { entryOf } from '../log/detail.js';
import type { Detail, EntryAt, Fact, Log } from '../log/log.js';

/*
 * A backup is lines of JSON in one gzip stream: what it is, each fact of the log in its order, and a manifest
 * that closes it. So it is of no kind of log, and a file that was cut has no manifest.
 */

const headerSchema = z.object({
  backup: z.literal('ridgepoint-log'),
  /** Raised when another release would misread it. */
  format: z.number(),
  /** The release that wrote it. */
  release: z.string(),
  at: z.string(),
});
export type BackupHeader = z.infer<typeof headerSchema>;

const FORMAT = 1;

const manifestSchema = z.object({
  entries: z.number().int().nonnegative(),
  sweeps: z.number().int().nonnegative(),
  results: z.number().int().nonnegative(),
  /** SHA-256 over the lines before, in hexadecimal digits. */
  sha256: z.string(),
  /** Digests of files in the store of bodies that results refer to: answers, calls, raw samples. */
  bodies: z.array(z.string()),
  /** Digests of made files that results were measured with. Agents make them again where they are gone. */
  artifacts: z.array(z.string()),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** Counts what a backup holds. */
class Counting {
  readonly #hash: Hash = createHash('sha256');
  readonly #bodies = new Set<string>();
  readonly #artifacts = new Set<string>();
  #entries = 0;
  #sweeps = 0;
  #results = 0;

  addLine(line: string): void {
    this.#hash.update(`${line}\n`);
  }

  addFact(fact: Fact): void {
    this.#entries += 1;
    if (fact.fact === 'SweepSubmitted') this.#sweeps += 1;
    if (fact.fact !== 'ResultRecorded') return;
    this.#results += 1;
    const { record } = fact;
    for (const { digest } of bodiesOf(record)) this.#bodies.add(digest);
    // What a log has of a record is a head, too.
    const { rawBody } = record as { readonly rawBody?: { readonly digest: string } };
    if (rawBody !== undefined) this.#bodies.add(rawBody.digest);
    const { artifact } = record;
    if (artifact !== null && artifact.steps.length > 0) this.#artifacts.add(artifact.digest);
  }

  manifest(): Manifest {
    return {
      entries: this.#entries,
      sweeps: this.#sweeps,
      results: this.#results,
      sha256: this.#hash.copy().digest('hex'),
      bodies: [...this.#bodies],
      artifacts: [...this.#artifacts],
    };
  }
}

/** Writes a backup beside its place, and puts it there when it is whole. */
export class BackupWriter {
  readonly #path: string;
  readonly #draft: string;
  readonly #gzip = createGzip();
  readonly #written: Promise<void>;
  readonly #counting = new Counting();

  /** @param header beside the format */
  constructor(path: string, header: Pick<BackupHeader, 'release' | 'at'>) {
    this.#path = path;
    this.#draft = `${path}.partial`;
    // It holds the key that leases are signed with.
    const file = createWriteStream(this.#draft, { mode: 0o600 });
    this.#written = finished(file);
    this.#written.catch(() => undefined);
    pipeline(this.#gzip, file, () => undefined);
    this.#put({ backup: 'ridgepoint-log', format: FORMAT, ...header } satisfies BackupHeader);
  }

  /** Adds the next entry. @throws FailureError where the disk takes nothing */
  async add(fact: Fact): Promise<void> {
    this.#counting.addFact(fact);
    if (!this.#put(fact)) await Promise.race([once(this.#gzip, 'drain'), this.#end()]);
  }

  /** @returns what it holds, when it is on the disk. @throws FailureError where it could not be written */
  async keep(): Promise<Manifest> {
    const manifest = this.#counting.manifest();
    this.#gzip.end(`${JSON.stringify({ manifest })}\n`);
    await this.#end();
    try {
      await synced(this.#draft);
      await rename(this.#draft, this.#path);
      await synced(dirname(this.#path));
    } catch (error) {
      throw this.#unwritten(error);
    }
    return manifest;
  }

  /** Leaves nothing of it. */
  async drop(): Promise<void> {
    this.#gzip.destroy();
    await this.#written.catch(() => undefined);
    await rm(this.#draft, { force: true });
  }

  #put(value: BackupHeader | Fact): boolean {
    const line = JSON.stringify(value);
    this.#counting.addLine(line);
    return this.#gzip.write(`${line}\n`);
  }

  async #end(): Promise<void> {
    try {
      await this.#written;
    } catch (error) {
      throw this.#unwritten(error);
    }
  }

  #unwritten(error: unknown): FailureError {
    const why = `The backup ${this.#path} cannot be written: ${fileProblem(error)}.`;
    return failed('internal', why, 'Choose a place that this user may write to, with room for it.');
  }
}

async function synced(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** @returns whether a file begins as a backup does: a log in a file never begins with gzip's mark. */
export async function isBackup(path: string): Promise<boolean> {
  const handle = await open(path, 'r').catch(() => null);
  if (handle === null) return false;
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE(0) === 0x1f8b;
  } catch {
    return false;
  } finally {
    await handle.close();
  }
}

/** A backup that is whole: its manifest fits. */
export interface Backup {
  readonly header: BackupHeader;
  readonly manifest: Manifest;
  /** What it holds, as any log gives it. */
  readonly log: Pick<Log, 'end' | 'read'>;
}

/**
 * Reads a backup from its first line to its last, and checks it.
 * @throws FailureError for a file that is none, was cut or changed, or is of a later release
 */
export async function openBackup(path: string): Promise<Backup> {
  const counting = new Counting();
  let header: BackupHeader | null = null;
  let manifest: Manifest | null = null;
  for await (const line of linesOf(path)) {
    if (manifest !== null) throw changed(path, 'has something behind its end');
    if (header === null) header = headerOf(path, line);
    else {
      const value = parsed(path, line);
      if (isManifest(value)) {
        manifest = checked(path, value.manifest, counting.manifest());
        continue;
      }
      counting.addFact(value as Fact);
    }
    counting.addLine(line);
  }
  if (header === null) throw foreign(path);
  if (manifest === null) throw cut(path);
  const { entries } = manifest;
  return { header, manifest, log: { end: async () => entries, read: (...args) => facts(path, ...args) } };
}

const isManifest = (value: object): value is { manifest: unknown } => 'manifest' in value;

async function* facts<D extends Detail>(path: string, after: number, detail: D): AsyncGenerator<EntryAt<D>> {
  let position = -1;
  for await (const line of linesOf(path)) {
    position += 1;
    if (position <= Math.max(0, after)) continue;
    const value = parsed(path, line);
    if (isManifest(value)) return;
    yield entryOf(position, value as Fact, detail);
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const unpacked = pipeline(createReadStream(path), createGunzip(), () => undefined);
  unpacked.setEncoding('utf8');
  const pieces: string[] = [];
  try {
    for await (const text of unpacked as AsyncIterable<string>) {
      const [first = '', ...others] = text.split('\n');
      pieces.push(first);
      for (const other of others) {
        yield pieces.join('');
        pieces.length = 0;
        pieces.push(other);
      }
    }
  } catch (error) {
    throw unreadable(path, error as NodeJS.ErrnoException);
  }
  if (pieces.join('') !== '') throw cut(path);
}

function headerOf(path: string, line: string): BackupHeader {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw foreign(path);
  }
  const { success, data } = headerSchema.safeParse(value);
  if (!success) throw foreign(path);
  if (data.format === FORMAT) return data;
  const why = `The backup ${path} has format ${data.format}, and this Ridgepoint reads ${FORMAT}.`;
  throw failed('internal', why, `Use Ridgepoint ${data.release}, which wrote it.`);
}

function parsed(path: string, line: string): object {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null && ('fact' in value || 'manifest' in value)) return value;
  } catch {
    // Said below.
  }
  throw changed(path, 'has a line that is no entry of a log');
}

function checked(path: string, stated: unknown, found: Manifest): Manifest {
  const { success, data } = manifestSchema.safeParse(stated);
  if (!success || data.sha256 !== found.sha256 || data.entries !== found.entries)
    throw changed(path, 'does not hold what its manifest says');
  return data;
}

function unreadable(path: string, error: NodeJS.ErrnoException): Error {
  if (error.code === 'Z_BUF_ERROR') return cut(path);
  if (error.code === 'Z_DATA_ERROR')
    return error.message === 'incorrect header check' ? foreign(path) : changed(path, 'cannot be unpacked');
  if (error.code === undefined) return error;
  return failed('internal', `The backup ${path} cannot be read: ${fileProblem(error)}.`);
}

const OLDER = 'Take another copy of it, or an older backup.';

function cut(path: string): FailureError {
  return failed('internal', `The backup ${path} is not whole: its end is missing.`, OLDER);
}

function changed(path: string, how: string): FailureError {
  return failed('internal', `The backup ${path} is not what was written: it ${how}.`, OLDER);
}

function foreign(path: string): FailureError {
  const hint = 'Name a file that `ridge log backup` wrote.';
  return failed('internal', `The file ${path} is no backup of a log.`, hint);
}
