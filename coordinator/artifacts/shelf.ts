import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failed } from '../../core/errors.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { invalid, WireError } from '../../proto/errors.js';
import type { Artifact } from '../../proto/gen/ridgepoint/v1/artifacts.js';
import { Incoming, type Piece, type Progress } from '../bodies/incoming.js';
import { type BodyStore, hexOf, hexOfBytes } from '../bodies/store.js';

export interface ShelfSettings {
  readonly path: string;
  /** All together; the longest unused go. */
  readonly maxBytes: number;
  /** What the disk has left in any case: logs and bodies may lie on the same. */
  readonly keepFreeBytes: number;
}

const MOST_ARTIFACTS = 10_000;
/** Files of one artifact: an exported graph with its vocabulary has a dozen. */
const MOST_FILES = 256;
/** On their way at a time. */
const MOST_INCOMING = 64;
/** What nobody went on bringing, or offered, is given up. */
const PATIENCE_SECONDS = 600;

/**
 * Artifacts that nodes made, for other nodes: a cache, bounded, whose loss costs making them again. Each is there by a key that has its
 * namespace in it; files with the same content are there once.
 */
export class Shelf {
  readonly #settings: ShelfSettings;
  readonly #now: () => number;
  readonly #incoming: Incoming;
  /** By key, the longest unused first. */
  readonly #entries = new Map<string, Artifact>();
  /** Bytes of files that are on their way or not offered yet, by digest. */
  readonly #coming = new Map<string, { readonly bytes: number; readonly at: number }>();

  readonly #checkedAt = new Map<string, number>();

  private constructor(settings: ShelfSettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
    const folder = join(settings.path, 'incoming');
    const limits = { maxBytes: settings.maxBytes, most: MOST_INCOMING };
    this.#incoming = new Incoming(filesIn(join(settings.path, 'files')), folder, limits);
  }

  /** Opens what is there; what is not whole goes. @param now monotonic seconds. @throws FailureError where the folder cannot be used. */
  static async open(settings: ShelfSettings, now: () => number): Promise<Shelf> {
    const shelf = new Shelf(settings, now);
    const { path } = settings;
    try {
      await rm(join(path, 'incoming'), { recursive: true, force: true });
      for (const folder of ['files', 'index']) await mkdir(join(path, folder), { recursive: true });
      for (const name of await readdir(join(path, 'index'))) await shelf.#read(name);
      await shelf.#sweep();
    } catch (error) {
      const why = `The folder of artifacts ${path} cannot be used: ${fileProblem(error)}.`;
      const hint = 'Name another one as `artifacts.path`, or write `artifacts: null`.';
      throw failed('internal', why, hint);
    }
    return shelf;
  }

  async #read(name: string): Promise<void> {
    const path = join(this.#settings.path, 'index', name);
    try {
      const { key, artifact } = JSON.parse(await readFile(path, 'utf8')) as {
        key: string;
        artifact: Artifact;
      };
      for (const { digest, bytes } of artifact.files) {
        if ((await stat(this.#fileOf(digest))).size !== bytes) throw new Error('it is not whole');
      }
      this.#entries.set(key, artifact);
    } catch {
      await rm(path, { force: true });
    }
  }

  find(key: string): Artifact | null {
    const artifact = this.#entries.get(key);
    if (artifact === undefined) return null;
    this.#entries.delete(key);
    this.#entries.set(key, artifact);
    return artifact;
  }

  /**
   * Takes in a piece of a file.
   * @throws WireError `too-large` where there is no room, `invalid` for what is not what its digest says.
   */
  async take(caller: string, piece: Piece): Promise<Progress> {
    const { digest, bytes } = piece;
    if (!this.#coming.has(digest) && !this.#kept().has(digest)) await this.#makeRoom(bytes);
    this.#coming.set(digest, {
      bytes: Math.max(bytes, this.#coming.get(digest)?.bytes ?? 0),
      at: this.#now(),
    });
    return await this.#incoming.take(caller, piece);
  }

  /** Has an artifact whose files were brought. @throws WireError `invalid` for one that lacks a file. */
  async offer(key: string, artifact: Artifact): Promise<void> {
    const { files } = artifact;
    if (files.length === 0 || files.length > MOST_FILES)
      throw invalid(`An artifact of ${files.length} files is offered: 1 to ${MOST_FILES} are taken.`);
    for (const { digest, bytes } of files) {
      const size = hexOf(digest) === null ? null : await stat(this.#fileOf(digest)).catch(() => null);
      if (size?.size !== bytes) throw invalid(`The file ${digest.slice(0, 80)} was not brought.`);
    }
    const draft = `${this.#indexOf(key)}.draft`;
    await writeFile(draft, JSON.stringify({ key, artifact }));
    await rename(draft, this.#indexOf(key));
    this.#entries.delete(key);
    this.#entries.set(key, artifact);
    for (const { digest } of files) this.#coming.delete(digest);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MOST_ARTIFACTS) break;
      await this.#drop(oldest);
    }
  }

  /** @returns a file of an artifact from there on; null where that has none of the digest. */
  open(key: string, digest: string, offset: number): AsyncIterable<Buffer> | null {
    const file = this.find(key)?.files.find((one) => one.digest === digest);
    return file === undefined ? null : createReadStream(this.#fileOf(digest), { start: offset });
  }

  /** Somebody says that it is damaged: it goes where that is so. Reading it costs time, and is done once in a while, whoever asks. */
  async check(key: string): Promise<void> {
    const last = this.#checkedAt.get(key) ?? Number.NEGATIVE_INFINITY;
    if (!this.#entries.has(key) || this.#now() - last < PATIENCE_SECONDS) return;
    this.#checkedAt.set(key, this.#now());
    for (const { digest } of this.#entries.get(key)?.files ?? []) {
      // One that cannot be read is as if it were another one.
      if ((await hexOfBytes(createReadStream(this.#fileOf(digest))).catch(() => null)) === hexOf(digest))
        continue;
      await rm(this.#fileOf(digest), { force: true });
      // With all that have the same file.
      for (const [other, { files }] of this.#entries)
        if (files.some((file) => file.digest === digest)) await this.#drop(other);
    }
  }

  async #makeRoom(bytes: number): Promise<void> {
    const { path, maxBytes, keepFreeBytes } = this.#settings;
    const stale = [...this.#coming].filter(([, { at }]) => this.#now() - at > PATIENCE_SECONDS);
    for (const [digest] of stale) this.#coming.delete(digest);
    if (stale.length > 0) await this.#sweep();
    const lacks = async () => {
      const { bavail, bsize } = await statfs(path);
      return this.#used() + bytes > maxBytes || bavail * bsize - this.#awaited() - bytes < keepFreeBytes;
    };
    for (const key of [...this.#entries.keys()]) {
      if (bytes > maxBytes || !(await lacks())) break;
      await this.#drop(key);
      await this.#sweep();
    }
    if (!(await lacks())) return;
    throw new WireError(
      'too-large',
      `There is no room for ${bytes} bytes among the artifacts of the coordinator.`,
      ['Raise `maxBytes` of its `artifacts`, or give it a larger disk.'],
    );
  }

  #kept(): Map<string, number> {
    const files = [...this.#entries.values()].flatMap((artifact) => artifact.files);
    return new Map(files.map(({ digest, bytes }) => [digest, bytes]));
  }

  #used(): number {
    const all = this.#kept();
    for (const [digest, { bytes }] of this.#coming) all.set(digest, bytes);
    return [...all.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Bytes that may still come of what was begun. */
  #awaited(): number {
    return [...this.#coming.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async #drop(key: string): Promise<void> {
    this.#checkedAt.delete(key);
    this.#entries.delete(key);
    await rm(this.#indexOf(key), { force: true });
  }

  /** Removes files that belong to nothing any more; whoever reads one goes on. */
  async #sweep(): Promise<void> {
    const kept = this.#kept();
    for (const part of ['files', 'incoming']) {
      const folder = join(this.#settings.path, part);
      for (const name of await readdir(folder).catch(() => [])) {
        const digest = `sha256:${name.slice(-64)}`;
        if (!kept.has(digest) && !this.#coming.has(digest)) await rm(join(folder, name), { force: true });
      }
    }
  }

  #fileOf(digest: string): string {
    return join(this.#settings.path, 'files', hexOf(digest) ?? 'none');
  }

  #indexOf(key: string): string {
    return join(this.#settings.path, 'index', createHash('sha256').update(key).digest('hex'));
  }
}

/** Files by their digests, moved where they belong once they are whole. */
function filesIn(folder: string): Pick<BodyStore, 'name' | 'has' | 'put' | 'open'> {
  const has = (hex: string): Promise<boolean> =>
    access(join(folder, hex)).then(
      () => true,
      () => false,
    );
  return {
    name: `the folder ${folder}`,
    has,
    put: (hex, path) => rename(path, join(folder, hex)),
    open: async (hex) => ((await has(hex)) ? createReadStream(join(folder, hex)) : null),
  };
}
