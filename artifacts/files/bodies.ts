import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, rmSync, writeSync } from 'node:fs';
import { copyFile, link, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { hexOf } from '../../core/digest.js';
import { type FailureError, failed } from '../../core/errors.js';
import type { BodyReference } from '../../core/result/bodies.js';
import { cacheFolder } from '../../engines/native/engines/location.js';
import { touched, trimFolder } from './used.js';

/** What a store knows a body by. */
export interface BodyFacts {
  /** `sha256:<hex>` of its bytes. */
  readonly digest: string;
  readonly bytes: number;
}

/**
 * Bodies that are too large for a record, each kept once under the digest of its content; records hold the
 * digest.
 */
export interface Bodies {
  has(digest: string): Promise<boolean>;
  /** @returns its bytes, as they are read. @throws FailureError `model-missing` where it is not here. */
  open(digest: string): Promise<Readable>;
  /** Keeps what these pieces are together, without holding more than one of them. */
  put(pieces: Iterable<string>): Promise<BodyFacts>;
}

/** Pieces are gathered to so many characters before they are written. */
const WRITTEN_AT_ONCE = 2 ** 18;

/** Of the files' names, for people who look. */
const ENDING = '.jsonl';

/**
 * A folder with a file for each body. A body that is read or asked for counts as used; the longest unused go
 * first.
 */
export class FolderBodies implements Bodies {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws Error for what is no digest: it must never become a path. */
  pathOf(digest: string): string {
    const hex = hexOf(digest);
    if (hex === null) throw new Error(`${JSON.stringify(digest)} is no digest`);
    return join(this.#folder, `${hex}${ENDING}`);
  }

  async has(digest: string): Promise<boolean> {
    return await touched(this.pathOf(digest));
  }

  async open(digest: string): Promise<Readable> {
    if (await this.has(digest)) return createReadStream(this.pathOf(digest));
    throw failed('model-missing', `${digest} is not in ${this.#folder}`);
  }

  async put(pieces: Iterable<string>): Promise<BodyFacts> {
    await mkdir(this.#folder, { recursive: true });
    const draft = join(this.#folder, `${process.pid}-${process.hrtime.bigint()}.draft`);
    try {
      const facts = written(draft, pieces);
      await rename(draft, this.pathOf(facts.digest));
      return facts;
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
  }

  /**
   * Takes a body over from another folder, as a link to the same bytes where the file system can.
   * @returns false where that has none.
   */
  async take(digest: string, from: FolderBodies): Promise<boolean> {
    if (await this.has(digest)) return true;
    if (!(await from.has(digest))) return false;
    await mkdir(this.#folder, { recursive: true });
    const [source, target] = [from.pathOf(digest), this.pathOf(digest)];
    await link(source, target).catch(() => copyFile(source, target));
    return true;
  }

  /** Removes the longest unused until the rest has at most so many bytes; `kept` stays. */
  async trim(mostBytes: number, kept: string): Promise<void> {
    await trimFolder(this.#folder, (name) => name.endsWith(ENDING), mostBytes, this.pathOf(kept));
  }
}

/** @returns the answers, or the calls, that a node has in its cache. */
export function cachedBodies(kind: BodyReference['kind'], cache = cacheFolder()): FolderBodies {
  return new FolderBodies(join(cache, kind));
}

/** @returns the store that has a body; null = none has. */
export async function storeWith(stores: readonly Bodies[], digest: string): Promise<Bodies | null> {
  for (const store of stores) if (await store.has(digest)) return store;
  return null;
}

function written(path: string, pieces: Iterable<string>): BodyFacts {
  const sha256 = createHash('sha256');
  const file = openSync(path, 'wx');
  let bytes = 0;
  const write = (text: string) => {
    const buffer = Buffer.from(text);
    sha256.update(buffer);
    for (let at = 0; at < buffer.length; ) at += writeSync(file, buffer, at);
    bytes += buffer.length;
  };
  try {
    let gathered = '';
    for (const piece of pieces) {
      gathered += piece;
      if (gathered.length < WRITTEN_AT_ONCE) continue;
      write(gathered);
      gathered = '';
    }
    write(gathered);
  } finally {
    closeSync(file);
  }
  return { digest: `sha256:${sha256.digest('hex')}`, bytes };
}

/** A line of a body that is longer was written by nobody here. */
const LONGEST_LINE = 64 * 2 ** 20;

/**
 * @returns the lines of a body as they are read, one at a time.
 * @throws FailureError for a body that is not here, and at its end for one that is not what its digest says.
 */
export async function* linesOf(bodies: Bodies, digest: string): AsyncGenerator<string> {
  const sha256 = createHash('sha256');
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of await bodies.open(digest)) {
    sha256.update(chunk as Buffer);
    const lines = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > LONGEST_LINE)
      throw damaged(digest, `has a line of more than ${LONGEST_LINE} characters`);
  }
  if (rest !== '') yield rest;
  if (`sha256:${sha256.digest('hex')}` !== digest)
    throw damaged(digest, 'holds something else than was written');
}

function damaged(digest: string, what: string): FailureError {
  return failed('digest-mismatch', `the file ${digest} ${what}`);
}
