import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cachedBodies, FolderBodies, linesOf, storeWith } from '../../artifacts/files/bodies.js';
import { FailureError } from '../../core/errors.js';
import { knownFacts } from '../../core/experiment/known-facts.js';
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
import { answeringStart } from '../../judgement/trials.js';
import type { Row } from '../../report/rows.js';
import { readSide } from '../compare/side.js';
import { EXIT, fromFailure, usageError, workError } from '../exit.js';
import { say } from '../output/print.js';
import { ANSWERS, newestRun } from '../report/run-folder.js';
import type { AnswersOptions } from './command.js';
import { wayOrGroup } from './groups.js';
import type { Prices } from './prices.js';

/** A row with the start whose model was asked. */
export interface AnsweredRow {
  readonly row: Row;
  readonly record: ResultRecord;
  readonly references: readonly AnswersReference[];
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
      const here = await Promise.all(one.references.map(({ digest }) => storeWith(stores, digest)));
      if (here.every((store) => store !== null)) rows.push(one);
      else absent.push(`${one.row.label} (${one.record.node.name})`);
    }
    const where = `their files are on the nodes that asked: ${absent.join(', ')}; --bodies names a folder that has them`;
    if (rows.length === 0) throw workError(`the answers of ${source} are not here; ${where}`);
    if (absent.length > 0) say(`${absent.length} of ${having.length} rows are left out; ${where}`);
    const answers = new Answers(rows, { ...joined, stores, options });
    if (joined.outside !== null && !(await answers.#anyJoined())) {
      const what = `none of the ${joined.outside.lines} scores is of an answer of ${source}`;
      throw usageError(
        what,
        'Are they of another sweep? `item` has to be the id of an item here, and `task` and `row` its task and row.',
      );
    }
    return answers;
  }

  async #anyJoined(): Promise<boolean> {
    for await (const { outside } of this.each()) if (outside !== null) return true;
    return false;
  }

  /** @throws CommandError (1) for a file that is damaged. */
  async *each(rows: readonly AnsweredRow[] = this.rows): AsyncGenerator<Answer> {
    for (const of of rows) for (const reference of of.references) yield* this.#file(of, reference);
  }

  async *#file(of: AnsweredRow, { digest, window }: AnswersReference): AsyncGenerator<Answer> {
    const { stores, options } = this.#asked;
    const store = await storeWith(stores, digest);
    try {
      for await (const line of linesOf(store ?? stores[0]!, digest)) {
        const record = readAnswer(line);
        if (typeof record === 'string')
          throw workError(`the file ${digest} of answers is damaged: ${record}`);
        if (!this.#wants(record)) continue;
        const answer = this.#joinedTo(of, record, shareOf(record, window));
        if (options.wrong === true && !((answer.score ?? 1) < 0.5)) continue;
        yield answer;
      }
    } catch (error) {
      throw error instanceof FailureError ? fromFailure(error.failure, EXIT.failed) : error;
    }
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
    const outside = theirs?.of(of.names, task, item) ?? null;
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
      money: prices?.of(of.names, used) ?? null,
    };
  }
}

/** What the answer's tokens took of the cache; null where tokens or shapes are not known. */
function kvBytesOf({ row }: AnsweredRow, { tokensIn, tokensOut }: AnswerRecord): number | null {
  const { model, technique, runner } = row.experiment;
  const facts = model.facts === null ? null : knownFacts(model.facts);
  if (facts === null || tokensIn === null) return null;
  const cells = { perSequence: tokensIn + (tokensOut ?? 0), sequences: 1 };
  return predictKvCache(facts, technique.attention, runner.options, cells);
}

function answeredRow(row: Row): AnsweredRow | null {
  // Starts of one experiment are asked once.
  for (const record of [answeringStart(row.starts), ...row.starts]) {
    const references = record.quality?.answers ?? [];
    if (references.length === 0) continue;
    const names = [row.label, String(row.number), row.experiment.model.name];
    return { row, record, references, names };
  }
  return null;
}
