import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { cachedBodies, FolderBodies, linesOf, storeWith } from '../../artifacts/files/bodies.js';
import { FailureError } from '../../core/errors.js';
import { knownFacts } from '../../core/experiment/known-facts.js';
import { readOptions } from '../../core/experiment/options.js';
import { orElse } from '../../core/or-else.js';
import type { Answered } from '../../core/quality/answers/metrics.js';
import type { OutsideScores } from '../../core/quality/answers/outside.js';
import {
  type AnswerRecord,
  type AnswersReference,
  mainValue,
  readAnswer,
  type Share,
  shareOf,
} from '../../core/quality/answers/record.js';
import type { ResultRecord } from '../../core/result/result.js';
import { predictKvCache } from '../../core/work/kv-cache.js';
import { cacheOptions } from '../../core/work/llama-cpp-options.js';
import { answeringStart } from '../../judgement/trials.js';
import type { Row } from '../../report/rows.js';
import { readSide } from '../compare/side.js';
import { EXIT, fromFailure, usageError, workError } from '../exit.js';
import { say } from '../output/print.js';
import type { Prices } from '../prices/prices.js';
import { ANSWERS, newestRun } from '../report/run-folder.js';
import type { AnswersOptions } from './command.js';
import { wayOrGroup } from './groups.js';

/** A body in a store, known by its digest, or a file by its path. */
type AnswersFile = AnswersReference | { readonly path: string };

/** A row whose answers are read; or a file that `ridge quality --answers` wrote, in the place of a row. */
export interface AnsweredRow {
  readonly number: number;
  readonly label: string;
  /** With the start whose model was asked; null = a file of answers says nothing of its model. */
  readonly measured: { readonly row: Row; readonly record: ResultRecord } | null;
  readonly files: readonly AnswersFile[];
  /** What it may be called: label, number, model. */
  readonly names: readonly string[];
}

/** One answer, with what is known of it beside its record. */
export interface Answer extends Answered {
  readonly of: AnsweredRow;
  readonly record: AnswerRecord;
  readonly share: Share;
  readonly money: number | null;
  /** Scores of others, by column; null = none of this item. */
  readonly outside: Readonly<Record<string, number>> | null;
}

/** What is joined to answers as they are read. */
export interface Joined {
  readonly outside: OutsideScores | null;
  readonly prices: Prices | null;
}

interface Asked extends Joined {
  readonly stores: readonly FolderBodies[];
  readonly options: AnswersOptions;
}

/** Answers of a run, read again at every turn: they may be more than memory holds. */
export class Answers {
  readonly rows: readonly AnsweredRow[];
  readonly #asked: Asked;

  private constructor(rows: readonly AnsweredRow[], asked: Asked) {
    this.rows = rows;
    this.#asked = asked;
  }

  /** @throws CommandError (2) where no row has answers, (1) where none of their files is here. */
  static async open(run: string, options: AnswersOptions, joined: Joined): Promise<Answers> {
    const [typed = '', ...choice] = run.split('#');
    const source = typed === '' ? newestRun() : typed;
    if (isAnswersFile(source)) {
      const label = basename(source);
      const row = { number: 1, label, measured: null, files: [{ path: source }], names: [label, '1'] };
      return await new Answers([row], { ...joined, stores: [], options }).#withOutside(source);
    }
    const { report } = readSide([source, ...choice].join('#'));
    const having = report.rows.flatMap((row) => answeredRow(row) ?? []);
    if (having.length === 0) {
      const hint = 'Give the sweep tasks: `quality: { tasks: [exam.yaml] }` (docs/quality.md).';
      throw usageError(`no row of ${source} has answers to items of tasks`, hint);
    }
    const folder = statSync(source).isDirectory() ? source : dirname(source);
    const [own, ...others] = [join(folder, ANSWERS), ...options.bodies].map((at) => new FolderBodies(at));
    const stores = [own!, cachedBodies('answers'), ...others];
    const rows: AnsweredRow[] = [];
    const absent: string[] = [];
    for (const one of having) {
      const here = await Promise.all(one.files.map(({ digest }) => storeWith(stores, digest)));
      if (here.every((store) => store !== null)) rows.push(one);
      else absent.push(`${one.label} (${one.measured.record.node.name})`);
    }
    const where = `their files are on the nodes that asked: ${absent.join(', ')}; --bodies names a folder that has them`;
    if (rows.length === 0) throw workError(`the answers of ${source} are not here; ${where}`);
    if (absent.length > 0) say(`${absent.length} of ${having.length} rows are left out; ${where}`);
    return await new Answers(rows, { ...joined, stores, options }).#withOutside(source);
  }

  /** @throws CommandError (2) where scores of others are of none of these answers. */
  async #withOutside(source: string): Promise<Answers> {
    const { outside } = this.#asked;
    if (outside !== null && !(await this.#anyJoined())) {
      const what = `none of the ${outside.lines} scores is of an answer of ${source}`;
      throw usageError(
        what,
        'Are they of another sweep? `item` has to be the id of an item here, and `task` and `row` its task and row.',
      );
    }
    return this;
  }

  async #anyJoined(): Promise<boolean> {
    for await (const { outside } of this.answersOf()) if (outside !== null) return true;
    return false;
  }

  /** @throws CommandError (1) for a file that is damaged. */
  async *answersOf(rows: readonly AnsweredRow[] = this.rows): AsyncGenerator<Answer> {
    for (const of of rows) for (const file of of.files) yield* this.#file(of, file);
  }

  async *#file(of: AnsweredRow, file: AnswersFile): AsyncGenerator<Answer> {
    const { options } = this.#asked;
    const name = 'path' in file ? file.path : file.digest;
    try {
      for await (const line of await this.#linesOf(file)) {
        const record = readAnswer(line);
        if (typeof record === 'string') throw workError(`the file ${name} of answers is damaged: ${record}`);
        if (!this.#wants(record)) continue;
        const share = 'path' in file ? NO_ENERGY : shareOf(record, file.window);
        const answer = this.#joinedTo(of, record, share);
        if (options.wrong === true && !((answer.score ?? 1) < 0.5)) continue;
        yield answer;
      }
    } catch (error) {
      throw error instanceof FailureError ? fromFailure(error.failure, EXIT.failed) : error;
    }
  }

  async #linesOf(file: AnswersFile): Promise<AsyncIterable<string>> {
    if ('path' in file) return createInterface({ input: createReadStream(file.path) });
    const { stores } = this.#asked;
    return linesOf((await storeWith(stores, file.digest)) ?? stores[0]!, file.digest);
  }

  #wants(record: AnswerRecord): boolean {
    const { task, item } = record;
    const { task: tasks, item: items, group } = this.#asked.options;
    if (tasks.length > 0 && !tasks.includes(task)) return false;
    if (items.length > 0 && !items.includes(item)) return false;
    return group.every((one) => wayOrGroup(record, one.field) === one.group);
  }

  #joinedTo(of: AnsweredRow, record: AnswerRecord, share: Share): Answer {
    const { outside: theirs, prices, options } = this.#asked;
    const { tokensIn, tokensOut, seconds, secondsToFirst, task, item } = record;
    const used = { tokensIn, tokensOut, seconds, secondsToFirst, joules: share.joules };
    const outside = theirs?.scoresOf(of.names, task, item) ?? null;
    const wanted = options.score ?? null;
    const own = wanted !== null && outside !== null ? outside[wanted] : undefined;
    return {
      of,
      record,
      share,
      outside,
      ...used,
      kvBytes: kvBytesOf(of, record),
      score: own ?? mainValue(record, wanted),
      money: prices?.costOf(of.names, used) ?? null,
    };
  }
}

/** What the answer's tokens took of the cache; null where tokens or shapes are not known. */
function kvBytesOf({ measured }: AnsweredRow, { tokensIn, tokensOut }: AnswerRecord): number | null {
  if (measured === null) return null;
  const { model, technique, runner } = measured.row.experiment;
  const facts = model.facts === null ? null : knownFacts(model.facts);
  if (facts === null || tokensIn === null) return null;
  const cells = { perSequence: tokensIn + (tokensOut ?? 0), sequences: 1 };
  const options = readOptions(cacheOptions, runner.options);
  return predictKvCache(facts, technique.attention, options, cells);
}

/** Answers of a row that stand in stores. */
type MeasuredRow = Omit<AnsweredRow, 'files' | 'measured'> & {
  readonly measured: NonNullable<AnsweredRow['measured']>;
  readonly files: readonly AnswersReference[];
};

function answeredRow(row: Row): MeasuredRow | null {
  const { number, label } = row;
  // Starts of one experiment are asked once.
  for (const record of [answeringStart(row.starts), ...row.starts]) {
    const files = record.quality?.answers ?? [];
    if (files.length === 0) continue;
    const names = [label, String(number), row.experiment.model.name];
    return { number, label, measured: { row, record }, files, names };
  }
  return null;
}

const NO_ENERGY: Share = { joules: null, reason: 'a file of answers alone says nothing of energy' };

/** Of a file, for its first line: no answer takes more. */
const FIRST_BYTES = 2 ** 22;

/** @returns whether a path is a file of answers, by its first line. */
function isAnswersFile(path: string): boolean {
  return orElse(() => {
    if (!statSync(path).isFile()) return false;
    const file = openSync(path, 'r');
    try {
      const front = Buffer.alloc(FIRST_BYTES);
      const [line = ''] = front.toString('utf8', 0, readSync(file, front)).split('\n', 1);
      return typeof readAnswer(line) !== 'string';
    } finally {
      closeSync(file);
    }
  }, false);
}
