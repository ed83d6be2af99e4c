import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type FailureError, failed } from '../../../core/errors.js';
import { requireRoom } from '../../../formats/whole-file.js';
import { arriving } from './arriving.js';
import type { Download, OnProgress } from './download.js';
import { Interrupted } from './interrupted.js';
import { dropPart, findPart, type Part, partPath, writePartNote } from './part.js';
import { diskFull, mismatch, requireModel, tooLarge } from './refusals.js';
import { type Answer, type Asking, ask, hostOf, sizeOf } from './request.js';
import { refuseStatus } from './status.js';

/** A whole file. */
export interface Arrived {
  readonly digest: string;
  readonly bytes: number;
  /** The server's name for this state of the file. */
  readonly validator: string | null;
}

const PROGRESS_MILLISECONDS = 500;

/** One file on its way, over as many connections as it takes. */
export class Transfer {
  /** Bytes on the disk that the hash stands for. */
  doneBytes = 0;
  /** The server had another file than the part was of. */
  restarted = false;
  readonly #request: Download;
  readonly #asking: Asking;
  readonly #onProgress: OnProgress;
  readonly #beforeNamed: (arrived: Arrived) => Promise<void>;
  readonly #host: string;
  #hash: Hash | null = null;
  #linkedDigest: string | null = null;

  constructor(
    request: Download,
    asking: Asking,
    onProgress: OnProgress,
    beforeNamed: (arrived: Arrived) => Promise<void>,
  ) {
    this.#request = request;
    this.#asking = asking;
    this.#onProgress = onProgress;
    this.#beforeNamed = beforeNamed;
    this.#host = hostOf(request.address);
  }

  /** One connection. @throws Interrupted when it brought less than the rest. */
  async attempt(): Promise<Arrived> {
    const { path, address, source } = this.#request;
    const part = this.#usable(await findPart(path));
    // The process that fetched it died between its last byte and giving it its name.
    if (part !== null && part.bytes === part.note.totalBytes) {
      await this.#hashFrom(part.bytes);
      return await this.#finish(part.note.validator);
    }
    const answer = await ask(address, headersFor(part), this.#asking);
    try {
      if (answer.status === 416) {
        await dropPart(path);
        throw new Interrupted(`${this.#host} has less of the file than came before`);
      }
      if (answer.status !== 200 && answer.status !== 206) refuseStatus(answer, this.#host, source);
      return await this.#receive(answer, part);
    } finally {
      answer.body.destroy();
    }
  }

  /** A part counts when it is of this address and something can tell whether the file is still the same. */
  #usable(part: Part | null): Part | null {
    if (part === null || part.bytes === 0 || part.note.address !== this.#request.address) return null;
    return part.note.validator !== null || this.#request.digest !== null ? part : null;
  }

  async #receive(answer: Answer, part: Part | null): Promise<Arrived> {
    const { path, address, bytes, source } = this.#request;
    const { headers } = answer;
    const encoding = headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') throw this.#nonsense(`sends ${source} as ${encoding}, not as it is`);
    const start = answer.status === 206 ? this.#startOf(answer, part) : 0;
    if (part !== null && start === 0) this.restarted = true;
    const length = sizeOf(headers['content-length']);
    const total = length === null ? (bytes ?? answer.linked.bytes) : start + length;
    this.#requireSize(answer, total);
    await requireRoom(dirname(path), (total ?? start) - start);
    await this.#hashFrom(start);
    const validator = validatorOf(answer);
    const file = await open(partPath(path), start === 0 ? 'w' : 'r+');
    try {
      await writePartNote(path, { address, validator, totalBytes: total });
      await this.#write(file, answer, total);
      // A name must never stand for content that a power cut can still take away.
      await file.sync();
    } catch (error) {
      throw diskFull(error) ?? error;
    } finally {
      await file.close();
    }
    if (total !== null && this.doneBytes !== total)
      throw new Interrupted(`${this.#host} ended it after ${this.doneBytes} of ${total} bytes`);
    return await this.#finish(validator);
  }

  #startOf({ headers }: Answer, part: Part | null): number {
    const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
    const known = part?.note.totalBytes ?? null;
    const same = total === '*' || known === null || Number(total) === known;
    if (part !== null && Number(from) === part.bytes && same) return part.bytes;
    throw this.#nonsense(`gives another part of ${this.#request.source} than it was asked for`);
  }

  #requireSize({ linked }: Answer, total: number | null): void {
    const { source, bytes, digest } = this.#request;
    const { maxBytes } = this.#asking.policy;
    const expected = bytes ?? linked.bytes;
    if (total !== null && total > maxBytes) throw tooLarge(source, total, maxBytes);
    if (expected !== null && total !== null && total !== expected)
      throw mismatch(`${source} should have ${expected} bytes, and ${total} are offered`);
    if (digest !== null && linked.digest !== null && linked.digest !== digest)
      throw mismatch(`${source} is ${linked.digest} by the hub’s own word, and should be ${digest}`);
    this.#linkedDigest = linked.digest;
  }

  async #write(file: FileHandle, answer: Answer, total: number | null): Promise<void> {
    const { source, address, isModel } = this.#request;
    const most = total ?? this.#asking.policy.maxBytes;
    let reported = 0;
    for await (const chunk of arriving(answer, address, this.#asking)) {
      if (this.doneBytes === 0 && isModel) requireModel(chunk, source);
      if (this.doneBytes + chunk.length > most) throw tooLarge(source, null, most);
      await writeAll(file, chunk, this.doneBytes);
      this.#hash?.update(chunk);
      this.doneBytes += chunk.length;
      if (performance.now() - reported < PROGRESS_MILLISECONDS) continue;
      reported = performance.now();
      this.#onProgress(this.doneBytes, total);
    }
    this.#onProgress(this.doneBytes, total);
  }

  /** Makes the hash stand for the first bytes on the disk, reading them when another process wrote them. */
  async #hashFrom(bytes: number): Promise<void> {
    if (this.#hash !== null && this.doneBytes === bytes) return;
    const hash = createHash('sha256');
    if (bytes > 0) {
      const span = { end: bytes - 1, highWaterMark: 2 ** 20 };
      const written = createReadStream(partPath(this.#request.path), span);
      for await (const chunk of written) hash.update(chunk as Buffer);
    }
    this.#hash = hash;
    this.doneBytes = bytes;
  }

  async #finish(validator: string | null): Promise<Arrived> {
    const { path, source } = this.#request;
    const expected = this.#request.digest ?? this.#linkedDigest;
    const digest = `sha256:${this.#hash?.digest('hex')}`;
    this.#hash = null;
    if (expected !== null && digest !== expected) {
      await dropPart(path);
      throw mismatch(`${source} came with the digest ${digest}, and should have ${expected}`);
    }
    const arrived = { digest, bytes: this.doneBytes, validator };
    await this.#beforeNamed(arrived);
    await rename(partPath(path), path);
    await rm(`${partPath(path)}.json`, { force: true });
    return arrived;
  }

  #nonsense(what: string): FailureError {
    return failed('model-missing', `${this.#host} ${what}`, 'Use another server.');
  }
}

/** With If-Range a server sends the rest only of the same file, and else all of it. */
function headersFor(part: Part | null): Record<string, string> {
  if (part === null) return {};
  const { validator } = part.note;
  return { range: `bytes=${part.bytes}-`, ...(validator === null ? {} : { 'if-range': validator }) };
}

/** Weak ETags do not promise the same bytes (RFC 9110, section 13.1.5). */
function validatorOf({ headers }: Answer): string | null {
  const { etag } = headers;
  return etag?.startsWith('"') === true ? etag : (headers['last-modified'] ?? null);
}

/** write(2) may take less than it is given. */
async function writeAll(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let at = 0; at < chunk.length; )
    at += (await file.write(chunk, at, chunk.length - at, position + at)).bytesWritten;
}
