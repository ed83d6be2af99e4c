import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Bodies } from '../../../artifacts/files/bodies.js';
import { failed } from '../../../core/errors.js';
import { getOrMake } from '../../../core/maps.js';
import {
  ANSWER_SCHEMA,
  type AnswerRecord,
  type AnswersFile,
  readAnswer,
} from '../../../core/quality/answers/record.js';
import { askedName } from '../../../core/quality/tasks/few-shot.js';
import { LineJournal, type Range } from '../../lines/journal.js';

/** Answers on disk while they come, in the order in which they come. */
export class Journal {
  readonly #lines: LineJournal<AnswerRecord>;
  readonly #close: () => void;
  /** What is known of the answers to each task without reading them again. */
  readonly #tasks = new Map<string, Known>();

  /**
   * @param path null = for this process alone, removed when it is closed.
   * @param identity of everything that the answers follow from.
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
    this.#lines = new LineJournal(path, {
      head: { journal: 2, identity },
      read: readOwn,
      note: (record, place) => {
        this.#note(record, place);
        return record.sitting;
      },
      summary: {
        give: () => [...this.#tasks],
        take: (given) => {
          for (const [name, known] of knownSchema.parse(given)) this.#tasks.set(name, known);
        },
      },
    });
  }

  /** Which start this is, from 0. */
  get sitting(): number {
    return this.#lines.sitting;
  }

  /** @returns whether the question of a task has an answer, as far as is known without reading it. */
  has(task: string, index: number): boolean {
    return this.#tasks.get(task)?.runs.some(([from, to]) => from <= index && index < to) === true;
  }

  /**
   * @throws FailureError `impossible-combination` for what nobody could read again, such as a reference of a
   *   million characters.
   */
  append(record: AnswerRecord): void {
    const line = JSON.stringify(record);
    const read = readAnswer(line);
    if (typeof read === 'string') {
      const place = `${record.task}, item ${record.item.slice(0, 100)}`;
      throw failed('impossible-combination', `${place} cannot be kept: ${read}`);
    }
    this.#note(record, this.#lines.append(record, line));
  }

  /**
   * @returns the answers so far, of one task in one way, or of all; each question once, whatever the file
   *   holds.
   */
  *answers(task?: string): Generator<AnswerRecord> {
    for (const name of task === undefined ? this.#tasks.keys() : [task]) {
      const seen = new Set<number>();
      for (const record of this.#lines.values(this.#tasks.get(name) ?? NOWHERE)) {
        // One that a server gave up, and was asked again later, has others in between.
        if (nameOf(record) !== name || seen.has(record.index)) continue;
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
    this.#lines.close();
    this.#close();
  }

  #note(record: AnswerRecord, { from, to }: Range): void {
    const name = nameOf(record);
    const known = getOrMake(this.#tasks, name, () => ({ from, to, runs: [] }));
    known.to = to;
    const last = known.runs.at(-1);
    if (last?.[1] === record.index) last[1] += 1;
    else if (!this.has(name, record.index)) known.runs.push([record.index, record.index + 1]);
  }
}

const whole = z.int().min(0);

const knownSchema = z.array(
  z.tuple([
    z.string(),
    z.object({
      /** Between which bytes its answers are. */
      from: whole,
      to: whole,
      /** Which questions have one, from and up to: they are asked in their order, so these are few. */
      runs: z.array(z.tuple([whole, whole])),
    }),
  ]),
);
type Known = z.output<typeof knownSchema>[number][1];

/** @returns what the task is known by whose answer it is, in the way that it was asked. */
export const nameOf = ({ task, asked }: AnswerRecord): string => askedName(task, asked.way);

const NOWHERE: Range = { from: 0, to: 0 };

/**
 * @returns a line of this file; null for what is none. It was checked in full when it was written, and a line
 *   that has its end is whole: of 150,000 a second check would take the time in which an interrupted task has
 *   to go on.
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
