import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { failed } from '../../core/errors.js';
import { groupBy } from '../../core/maps.js';
import { invalid, WireError } from '../../proto/errors.js';
import { type BodyStore, hexOf, hexOfBytes } from './store.js';

export interface IncomingLimits {
  /** Of one file. */
  readonly maxBytes: number;
  /**
   * Files that are on their way at a time, of all callers. Beyond that, the oldest of the caller that has
   * most is forgotten.
   */
  readonly most: number;
}

export interface Progress {
  readonly kept: boolean;
  readonly received: number;
}

/** Where they go. */
type Files = Pick<BodyStore, 'name' | 'has' | 'put'>;

/** A piece of a file, as it comes. */
export interface Piece {
  readonly digest: string;
  /** Of the whole file. */
  readonly bytes: number;
  readonly offset: number;
  readonly piece: Uint8Array;
}

/**
 * Files on their way to the store, gathered piece by piece in a folder: each caller's on their own, so that
 * nobody spoils what another one brings. A file that is whole is kept when it is what its digest says.
 */
export class Incoming {
  readonly #store: Files;
  readonly #folder: string;
  readonly #limits: IncomingLimits;
  /** What is done with each file, one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(store: Files, folder: string, limits: IncomingLimits) {
    this.#store = store;
    this.#folder = folder;
    this.#limits = limits;
  }

  /** @throws WireError `invalid` for what is no digest. */
  async find(caller: string, digest: string): Promise<Progress> {
    const hex = checked(digest);
    if (await this.#store.has(hex)) return { kept: true, received: 0 };
    return { kept: false, received: await sizeOf(this.#pathOf(caller, hex)) };
  }

  /**
   * Takes in a piece. One that belongs elsewhere is left, and the answer says where the next one belongs.
   * @throws WireError `too-large`; `invalid` where the whole is not what its digest says
   */
  async take(caller: string, piece: Piece): Promise<Progress> {
    const hex = checked(piece.digest);
    if (piece.bytes > this.#limits.maxBytes) {
      const message = `A file of ${piece.bytes} bytes is brought; this coordinator keeps files of up to ${this.#limits.maxBytes}.`;
      throw new WireError('too-large', message, ['Raise `maxBytes` of its `bodies`.']);
    }
    const path = this.#pathOf(caller, hex);
    return await this.#inTurn(path, () => this.#append(path, hex, piece)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      const hint = 'Free space there, or have `ridge log bodies` remove what nothing refers to.';
      throw failed('disk-full', `The disk of ${this.#store.name} is full.`, hint);
    });
  }

  /** Keeps what the coordinator has itself. @returns its digest */
  async keep(content: Buffer): Promise<string> {
    const hex = createHash('sha256').update(content).digest('hex');
    const path = join(this.#folder, `own-${hex}`);
    await this.#inTurn(path, async () => {
      if (await this.#store.has(hex)) return;
      await mkdir(this.#folder, { recursive: true });
      await writeFile(path, content);
      await this.#store.put(hex, path);
      await rm(path, { force: true });
    });
    return `sha256:${hex}`;
  }

  async #append(path: string, hex: string, { digest, bytes, offset, piece }: Piece): Promise<Progress> {
    if (await this.#store.has(hex)) return { kept: true, received: 0 };
    const before = await sizeOf(path);
    if (offset !== before) return { kept: false, received: before };
    if (offset + piece.length > bytes || (piece.length === 0 && bytes > 0)) {
      throw invalid(`A piece of ${piece.length} bytes at ${offset} does not fit in ${bytes}.`);
    }
    if (before === 0) await this.#makeRoom(path);
    const file = await open(path, 'a');
    try {
      await file.appendFile(piece);
    } finally {
      await file.close();
    }
    const received = before + piece.length;
    if (received < bytes) return { kept: false, received };
    if ((await hexOfBytes(createReadStream(path))) !== hex) {
      await rm(path, { force: true });
      throw invalid(`What came as ${digest} is something else: bring it again.`);
    }
    await this.#store.put(hex, path);
    await rm(path, { force: true });
    return { kept: true, received };
  }

  /** @param path of the file that is about to come. */
  async #makeRoom(path: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const names = await readdir(this.#folder);
    if (names.length < this.#limits.most) return;
    const byCaller = groupBy(names, callerOf);
    const own = byCaller.get(callerOf(basename(path))) ?? [];
    const most = [...byCaller.values()].reduce((a, b) => (b.length > a.length ? b : a), own);
    const files = await Promise.all(
      most.map(async (name) => {
        const file = join(this.#folder, name);
        return { file, at: (await stat(file).catch(() => null))?.mtimeMs ?? 0 };
      }),
    );
    const [oldest] = files.sort((a, b) => a.at - b.at);
    if (oldest !== undefined) await rm(oldest.file, { force: true });
  }

  #pathOf(caller: string, hex: string): string {
    return join(this.#folder, `${callerOf(createHash('sha256').update(caller).digest('hex'))}-${hex}`);
  }

  async #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work, work);
    this.#turns.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    }
  }
}

/** Characters at the beginning of a file's name that say whose it is. */
const CALLER_CHARACTERS = 16;

const callerOf = (name: string): string => name.slice(0, CALLER_CHARACTERS);

function checked(digest: string): string {
  const hex = hexOf(digest);
  if (hex === null) throw invalid('A file is asked for by something that is no digest.');
  return hex;
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}
