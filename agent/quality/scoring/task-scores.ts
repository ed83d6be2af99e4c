import { failed } from '../../../core/errors.js';
import type { GivenAnswer } from '../../../core/quality/answers/record.js';
import type { TaskOutcome } from '../../../core/quality/outcome.js';
import { externalName, type ScorerName } from '../../../core/quality/scorers/index.js';
import { type ItemScore, retention, scoreOf } from '../../../core/quality/scores.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import { mean } from '../../../statistics/summary.js';
import type { JudgedScores } from './judged.js';

/** Scores by name and item: numbers, however many items there are. */
export class ScoreTable {
  readonly #scores: ReadonlyMap<string, Float64Array>;
  readonly #first: string | null;
  readonly #answered: Uint8Array;
  #sum = 0;
  #count = 0;

  constructor(names: readonly string[], items: number) {
    this.#scores = new Map(names.map((name) => [name, new Float64Array(items)]));
    this.#first = names.find((name) => externalName(name as ScorerName) === null) ?? null;
    this.#answered = new Uint8Array(items);
  }

  has(index: number): boolean {
    return this.#answered[index] === 1;
  }

  get isFull(): boolean {
    return this.#count === this.#answered.length;
  }

  set(index: number, scores: GivenAnswer['scores']): void {
    this.#answered[index] = 1;
    this.#count += 1;
    for (const [name, values] of this.#scores) values[index] = scores[name] ?? 0;
    this.#sum += this.#first === null ? 0 : (scores[this.#first] ?? 0);
  }

  /** Puts in what scorers of the node gave. */
  putJudged(judged: JudgedScores): void {
    for (const [name, values] of Object.entries(judged)) this.#scores.get(name)?.set(values);
  }

  scoresOf(name: string): Float64Array {
    return this.#scores.get(name)!;
  }

  /** The mean of what was taken so far; null where somebody else judges. */
  get mean(): number | null {
    return this.#first === null ? null : this.#sum / this.#count;
  }
}

/**
 * @param base of the same items; null = there is none to compare with.
 * @returns the scores of a task, each over the items that it could score.
 * @throws FailureError `run-failed` for a scorer that could score none.
 */
export function taskScores(
  task: Task,
  names: readonly string[],
  own: ScoreTable,
  base: ScoreTable | null,
): TaskOutcome['scores'] {
  const { items } = task;
  return names.map((name) => {
    // What a judge could not score is no 0: it is counted, and left out on both sides.
    const scored = items.flatMap((_, i) =>
      Number.isNaN(own.scoresOf(name)[i]!) || Number.isNaN(base?.scoresOf(name)[i] ?? 0) ? [] : [i],
    );
    if (scored.length === 0) {
      const what = `the scorer ${name} could score none of the ${items.length} answers to ${task.name}`;
      throw failed('run-failed', what);
    }
    const values = withGroups(task, scored, own.scoresOf(name));
    const baseValues = base === null ? null : withGroups(task, scored, base.scoresOf(name));
    return {
      name,
      ...(scored.length < items.length && { unscored: items.length - scored.length }),
      score: scoreOf(values, baseValues),
      base: baseValues === null ? null : scoreOf(baseValues),
      retentionPercent: baseValues === null ? null : retention(baseValues, values),
    };
  });
}

function withGroups({ items }: Task, places: readonly number[], values: Float64Array): readonly ItemScore[] {
  return places.map((i) => ({ groups: items[i]!.groups, value: values[i]! }));
}

/** @returns the score of whoever guesses; null where nothing is chosen. */
export function chanceOf({ items }: Task): number | null {
  const shares = items.flatMap(({ choices }) =>
    choices === null ? [] : [choices.answers.length / choices.continuations.length],
  );
  return shares.length === 0 ? null : mean(shares);
}
