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
  /** Of all artifacts. Beyond that, those of the namespace that has most go, the longest unused first. */
  readonly maxBytes: number;
  /** What the disk has left in any case: logs and bodies may lie on the same. */
  readonly keepFreeBytes: number;
}

const MOST_ARTIFACTS = 10_000;
/** Files of one artifact: an exported graph with its vocabulary has a dozen. */
const MOST_FILES = 256;
/** Files that are on their way at a time, of all callers. */
const MOST_INCOMING = 64;
/** A file that nobody continues to bring, or offers, is given up after this long. */
const PATIENCE_SECONDS = 600;

/** The part that has come of a file which belongs to no artifact yet. */
interface Coming {
  readonly namespace: string;
  readonly bytes: number;
  readonly at: number;
}

/**
 * Artifacts that nodes made, for other nodes: a bounded cache, whose loss costs making them again. The key of
 * each begins with its namespace. Files with the same content are kept once. Bytes count when they have come,
 * and not when somebody says that they will. Room is taken from the namespace that has most, so that nobody
 * loses what is within an equal share.
 */
export class Shelf {
  readonly #settings: ShelfSettings;
  readonly #now: () => number;
  readonly #incoming: Incoming;
  /** By key, the longest unused first. */
  readonly #entries = new Map<string, Artifact>();
  /** By digest. */
  readonly #coming = new Map<string, Coming>();
  readonly #checkedAt = new Map<string, number>();

  private constructor(settings: ShelfSettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
    const folder = join(settings.path, 'incoming');
    const limits = { maxBytes: settings.maxBytes, most: MOST_INCOMING };
    this.#incoming = new Incoming(filesIn(join(settings.path, 'files')), folder, limits);
  }

  /**
   * Opens what is there; what is not whole goes.
   * @param now monotonic seconds.
   * @throws FailureError where the folder cannot be used.
   */
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
   * Takes in a piece of a file. @param key of the artifact that it will belong to.
   * @throws WireError `too-large` where there is no room, `invalid` for what is not what its digest says.
   */
  async take(key: string, caller: string, piece: Piece): Promise<Progress> {
    const { digest, bytes } = piece;
    const namespace = namespaceOf(key);
    if (bytes > this.#settings.maxBytes) throw noRoom(bytes);
    if (!this.#keptFiles().has(digest)) await this.#makeRoom(namespace, digest, piece.piece.length);
    // Known before it is here: whoever makes room meanwhile removes files that belong to nothing.
    if (!this.#coming.has(digest)) this.#coming.set(digest, { namespace, bytes: 0, at: this.#now() });
    try {
      const progress = await this.#incoming.take(caller, piece);
      const before = this.#coming.get(digest) ?? { namespace, bytes: 0 };
      const received = Math.max(before.bytes, progress.received);
      this.#coming.set(digest, { namespace: before.namespace, bytes: received, at: this.#now() });
      return progress;
    } catch (error) {
      if (this.#coming.get(digest)?.bytes === 0) this.#coming.delete(digest);
      throw error;
    }
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
    while (this.#entries.size > MOST_ARTIFACTS) {
      const counts = new Map<string, number>();
      for (const one of this.#entries.keys()) add(counts, namespaceOf(one), 1);
      await this.#drop(this.#oldestOf(largest(counts, namespaceOf(key)))!);
    }
  }

  /** @returns a file of an artifact from there on; null where that has none of the digest. */
  open(key: string, digest: string, offset: number): AsyncIterable<Buffer> | null {
    const file = this.find(key)?.files.find((one) => one.digest === digest);
    return file === undefined ? null : createReadStream(this.#fileOf(digest), { start: offset });
  }

  /**
   * Somebody says that it is damaged: it goes where that is so. Reading it costs time, and is done once in a
   * while, whoever asks.
   */
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

  /**
   * @param namespace that needs the room.
   * @param digest of the file that is to come.
   * @throws WireError `too-large`
   */
  async #makeRoom(namespace: string, digest: string, bytes: number): Promise<void> {
    const { path, maxBytes, keepFreeBytes } = this.#settings;
    const stale = [...this.#coming].filter(([, { at }]) => this.#now() - at > PATIENCE_SECONDS);
    for (const [one] of stale) this.#coming.delete(one);
    if (stale.length > 0) await this.#sweep();
    const lacks = async () => {
      const { bavail, bsize } = await statfs(path);
      return this.#used() + bytes > maxBytes || bavail * bsize - bytes < keepFreeBytes;
    };
    while (await lacks()) {
      const most = largest(this.#bytesBy(namespace, bytes), namespace);
      const oldest = this.#oldestOf(most);
      // Files that others have begun go last. The caller's own stay: an artifact needs all of its files.
      const begun =
        most === namespace
          ? undefined
          : [...this.#coming].find(
              ([one, coming]) => one !== digest && coming.namespace === most && coming.bytes > 0,
            );
      if (oldest !== undefined) await this.#drop(oldest);
      else if (begun !== undefined) this.#coming.delete(begun[0]);
      else throw noRoom(bytes);
      await this.#sweep();
    }
  }

  /** @returns the key of the artifact of a namespace that has been unused for longest. */
  #oldestOf(namespace: string): string | undefined {
    return [...this.#entries.keys()].find((key) => namespaceOf(key) === namespace);
  }

  /** @returns the bytes of each namespace, with those that one of them is about to get. */
  #bytesBy(namespace: string, more: number): Map<string, number> {
    const bytes = new Map([[namespace, more]]);
    for (const [key, { files }] of this.#entries)
      for (const file of files) add(bytes, namespaceOf(key), file.bytes);
    for (const coming of this.#coming.values()) add(bytes, coming.namespace, coming.bytes);
    return bytes;
  }

  #keptFiles(): Map<string, number> {
    const files = [...this.#entries.values()].flatMap((artifact) => artifact.files);
    return new Map(files.map(({ digest, bytes }) => [digest, bytes]));
  }

  #used(): number {
    const all = this.#keptFiles();
    for (const [digest, { bytes }] of this.#coming) if (!all.has(digest)) all.set(digest, bytes);
    return [...all.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  async #drop(key: string): Promise<void> {
    this.#checkedAt.delete(key);
    this.#entries.delete(key);
    await rm(this.#indexOf(key), { force: true });
  }

  /** Removes files that belong to nothing any more; whoever reads one goes on. */
  async #sweep(): Promise<void> {
    const kept = this.#keptFiles();
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

const namespaceOf = (key: string): string => key.slice(0, key.indexOf(' '));

const add = (sums: Map<string, number>, name: string, more: number) =>
  void sums.set(name, (sums.get(name) ?? 0) + more);

/** @returns the namespace that has most; where several do, the one that asks. */
function largest(sizes: ReadonlyMap<string, number>, asks: string): string {
  let most = asks;
  for (const [namespace, size] of sizes) if (size > (sizes.get(most) ?? 0)) most = namespace;
  return most;
}

const noRoom = (bytes: number) =>
  new WireError('too-large', `There is no room for ${bytes} bytes among the artifacts of the coordinator.`, [
    'Raise `maxBytes` of its `artifacts`, or give it a larger disk.',
  ]);

/** Files by their digests, moved where they belong once they are whole. */
function filesIn(folder: string): Pick<BodyStore, 'name' | 'has' | 'put' | 'open'> {
  const isKept = (hex: string): Promise<boolean> =>
    access(join(folder, hex)).then(
      () => true,
      () => false,
    );
  return {
    name: `the folder ${folder}`,
    has: isKept,
    put: (hex, path) => rename(path, join(folder, hex)),
    open: async (hex) => ((await isKept(hex)) ? createReadStream(join(folder, hex)) : null),
  };
}
