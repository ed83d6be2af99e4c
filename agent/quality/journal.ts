import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bodies } from '../../artifacts/files/bodies.js';
import { FailureError, failure } from '../../core/errors.js';
import {
  ANSWER_SCHEMA,
  type AnswerRecord,
  type AnswersFile,
  readAnswer,
} from '../../core/quality/answers/record.js';
import { askedName } from '../../core/quality/tasks/few-shot.js';
import { lines } from './lines.js';

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
  #bytes = 0;
  /** Between which bytes the answers to each task are. */
  readonly #tasks = new Map<string, Range>();

  /**
   * @param path null = for this process alone, removed when it is closed. No other process may have the file open.
   */
  static open(path: string | null, identity: string): Journal {
    if (path !== null) return new Journal(path, identity, () => {});
    const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-answers-'));
    return new Journal(join(folder, 'journal'), identity, () =>
      rmSync(folder, { recursive: true, force: true }),
    );
  }

  private constructor(path: string, identity: string, close: () => void) {
    this.#close = close;
    this.#file = openSync(path, existsSync(path) ? 'r+' : 'w+');
    this.sitting = this.#goOn(identity);
    ftruncateSync(this.#file, this.#bytes);
    if (this.#bytes === 0) this.#write(JSON.stringify({ journal: 1, identity } satisfies Head));
  }

  /** @throws FailureError `impossible-combination` for what nobody could read again, such as a reference of a million characters. */
  append(record: AnswerRecord): void {
    const line = JSON.stringify(record);
    const read = readAnswer(line);
    if (typeof read === 'string') {
      const place = `${record.task}, item ${record.item.slice(0, 100)}`;
      throw new FailureError(failure('impossible-combination', `${place} cannot be kept: ${read}`));
    }
    const from = this.#bytes;
    this.#write(line);
    this.#note(nameOf(record), from);
  }

  /** @returns the answers so far, of one task in one way, or of all; each question once, whatever the file holds. */
  *answers(task?: string): Generator<AnswerRecord> {
    for (const name of task === undefined ? this.#tasks.keys() : [task]) {
      const { from, to } = this.#tasks.get(name) ?? NOWHERE;
      const seen = new Set<number>();
      for (const { text } of lines(this.#file, from, to)) {
        const record = readOwn(text);
        // One that a server gave up, and was asked again later, has others in between.
        if (record === null || nameOf(record) !== name || seen.has(record.index)) continue;
        seen.add(record.index);
        yield record;
      }
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

  #note(task: string, from: number): void {
    this.#tasks.set(task, { from: this.#tasks.get(task)?.from ?? from, to: this.#bytes });
  }

  /** Goes on behind the last line that is whole, or begins anew. @returns which start this is. */
  #goOn(identity: string): number {
    let sitting = 0;
    for (const { text, end } of lines(this.#file, 0, Number.POSITIVE_INFINITY)) {
      const from = this.#bytes;
      if (from === 0) {
        if (!isHead(text, identity)) return 0;
        this.#bytes = end;
        continue;
      }
      const record = readOwn(text);
      if (record === null) break;
      sitting = Math.max(sitting, record.sitting + 1);
      this.#bytes = end;
      this.#note(nameOf(record), from);
    }
    return sitting;
  }
}

/** @returns what the task is known by whose answer it is, in the way that it was asked. */
export const nameOf = ({ task, asked }: AnswerRecord): string => askedName(task, asked.way);

/** Bytes of a file. */
interface Range {
  readonly from: number;
  readonly to: number;
}
const NOWHERE: Range = { from: 0, to: 0 };

/**
 * @returns a line of this file; null for what is none. It was checked in full when it was written, and a line that has its end is whole: of 150,000 a second check would take the time in
 * which an interrupted task has to go on.
 */
function readOwn(line: string): AnswerRecord | null {
  try {
    const record = JSON.parse(line) as AnswerRecord;
    const { schema, task, index, sitting, asked } = record;
    const known = schema === ANSWER_SCHEMA && typeof task === 'string' && typeof asked === 'object';
    return known && Number.isSafeInteger(index) && Number.isSafeInteger(sitting) ? record : null;
  } catch {
    return null;
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
