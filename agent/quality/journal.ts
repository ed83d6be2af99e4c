import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Bodies } from '../../artifacts/files/bodies.js';
import { FailureError, failure } from '../../core/errors.js';
import {
  ANSWER_SCHEMA,
  type AnswerRecord,
  type AnswersFile,
  readAnswer,
} from '../../core/quality/answers/record.js';

const READ_AT_ONCE = 2 ** 20;
/** A line is a question with its answer; what is longer was never written here. */
const LONGEST_LINE = 64 * 2 ** 20;

interface Head {
  readonly journal: 1;
  /** Of everything that the answers follow from. */
  readonly identity: string;
}

/**
 * Answers on disk while they come, in the order in which they come: a process that is killed loses the question that it was at. None of them is kept in
 * memory. Whoever opens it again with the same identity goes on behind the last whole line; another identity begins anew.
 */
export class Journal {
  /** Which start this is, from 0. */
  readonly sitting: number;
  readonly #file: number;
  readonly #close: () => void;
  #bytes: number;

  /**
   * @param path null = for this process alone, removed when it is closed. So is one whose file another live process is writing: neither
   *   then counts what the other one asks.
   */
  static open(path: string | null, identity: string): Journal {
    if (path === null) return Journal.#private(identity);
    mkdirSync(dirname(path), { recursive: true });
    const lock = `${path}.pid`;
    if (!locked(lock)) return Journal.#private(identity);
    return new Journal(path, identity, () => rmSync(lock, { force: true }));
  }

  static #private(identity: string): Journal {
    const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-answers-'));
    return new Journal(join(folder, 'journal'), identity, () =>
      rmSync(folder, { recursive: true, force: true }),
    );
  }

  private constructor(path: string, identity: string, close: () => void) {
    this.#close = close;
    this.#file = openSync(path, existsSync(path) ? 'r+' : 'w+');
    const found = this.#whole(identity);
    this.sitting = found.sitting;
    this.#bytes = found.bytes;
    ftruncateSync(this.#file, found.bytes);
    if (found.bytes === 0) this.#write(JSON.stringify({ journal: 1, identity } satisfies Head));
  }

  /** @throws FailureError `impossible-combination` for what nobody could read again, such as a reference of a million characters. */
  append(record: AnswerRecord): void {
    const line = JSON.stringify(record);
    const read = readAnswer(line);
    if (typeof read === 'string') {
      const place = `${record.task}, item ${record.item.slice(0, 100)}`;
      throw new FailureError(failure('impossible-combination', `${place} cannot be kept: ${read}`));
    }
    this.#write(line);
  }

  /** @returns the answers so far, of one task or of all; each question once, whatever the file holds. */
  *answers(task?: string): Generator<AnswerRecord> {
    const seen = new Map<string, Set<number>>();
    for (const { text, first } of lines(this.#file, this.#bytes)) {
      const record = first ? null : readAnswer(text);
      if (record === null || typeof record === 'string') continue;
      if (task !== undefined && record.task !== task) continue;
      const indices = seen.get(record.task) ?? new Set();
      seen.set(record.task, indices);
      if (indices.has(record.index)) continue;
      indices.add(record.index);
      yield record;
    }
  }

  /** Hands answers to a store. @param finished what leaves of each; null = nothing. */
  async keep(store: Bodies, finished: (record: AnswerRecord) => AnswerRecord | null): Promise<AnswersFile> {
    let items = 0;
    const answers = this.answers();
    function* pieces() {
      for (const answer of answers) {
        const record = finished(answer);
        if (record === null) continue;
        items += 1;
        yield `${JSON.stringify(record)}\n`;
      }
    }
    const facts = await store.put(pieces());
    return { schema: ANSWER_SCHEMA, ...facts, items, sitting: this.sitting };
  }

  close(): void {
    closeSync(this.#file);
    this.#close();
  }

  #write(line: string): void {
    const buffer = Buffer.from(`${line}\n`);
    for (let at = 0; at < buffer.length; )
      at += writeSync(this.#file, buffer, at, buffer.length - at, this.#bytes + at);
    this.#bytes += buffer.length;
  }

  /** @returns where the last line ends that is whole, and which start this is; 0 bytes = it is not of this identity. */
  #whole(identity: string): { readonly bytes: number; readonly sitting: number } {
    let [bytes, sitting] = [0, 0];
    for (const { text, first, end } of lines(this.#file, Number.POSITIVE_INFINITY)) {
      if (first) {
        if (!isHead(text, identity)) return { bytes: 0, sitting: 0 };
      } else {
        const record = readAnswer(text);
        if (typeof record === 'string') break;
        sitting = Math.max(sitting, record.sitting + 1);
      }
      bytes = end;
    }
    return { bytes, sitting };
  }
}

function isHead(text: string, identity: string): boolean {
  try {
    const head = JSON.parse(text) as Partial<Head>;
    return head.journal === 1 && head.identity === identity;
  } catch {
    return false;
  }
}

interface Line {
  readonly text: string;
  readonly first: boolean;
  /** Bytes of the file up to here. */
  readonly end: number;
}

/** @returns lines that have an end, up to so many bytes; the memory of one piece and of the longest line. */
function* lines(file: number, most: number): Generator<Line> {
  const piece = Buffer.alloc(READ_AT_ONCE);
  let rest: Buffer[] = [];
  let [at, end, first, held] = [0, 0, true, 0];
  while (at < most) {
    const read = readSync(file, piece, 0, Math.min(piece.length, most - at), at);
    if (read === 0) return;
    at += read;
    let from = 0;
    for (let stop = piece.indexOf(10, from); stop >= 0 && stop < read; stop = piece.indexOf(10, from)) {
      const last = piece.subarray(from, stop);
      const line = rest.length === 0 ? last : Buffer.concat([...rest, last]);
      end += line.length + 1;
      yield { text: line.toString('utf8'), first, end };
      [rest, held, first, from] = [[], 0, false, stop + 1];
    }
    if (from < read) rest.push(Buffer.from(piece.subarray(from, read)));
    held += read - from;
    if (held > LONGEST_LINE) return;
  }
}

/** @returns whether the lock is ours now: there was none, or its process has gone. */
function locked(path: string): boolean {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(readFileSync(path, 'utf8'));
    if (holder !== process.pid && isAlive(holder)) return false;
    rmSync(path, { force: true });
  }
  return false;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
