import type { ResultRecord } from '../../../core/result/result.js';
import type { Timed } from './ground.js';

/** A refusal that takes longer than this has done work first. */
const REFUSAL_SECONDS = 20;

export interface Refusal {
  readonly code: 1 | 2;
  /** What the reason has to name. */
  readonly says: readonly (string | RegExp)[];
  /** false where the reason itself is the next step. */
  readonly hint?: boolean;
}

/** @returns what is wrong with how a command refused; nothing when all is well. */
export function refused(finished: Timed, { code, says, hint = true }: Refusal): string[] {
  const wrong = [...ended(finished, code), ...printed(finished, says)];
  const reasons = finished.stderr.split('\n').filter((line) => line.startsWith('ridge: '));
  if (reasons.length !== 1) wrong.push(`${reasons.length} reasons instead of one: ${finished.stderr}`);
  if (hint && !/\n {7}\S/.test(finished.stderr)) wrong.push(`no next step: ${finished.stderr}`);
  if (finished.seconds > REFUSAL_SECONDS) wrong.push(`took ${finished.seconds.toFixed(0)} s`);
  return wrong;
}

/** The exit code is right, and nothing of the program's inside was shown. */
export function ended(finished: Timed, code: number): string[] {
  const wrong: string[] = [];
  if (finished.code !== code) {
    const how = finished.code === null ? `killed after ${finished.seconds.toFixed(0)} s` : `${finished.code}`;
    wrong.push(`exit code ${how}, not ${code}: ${finished.stderr}`);
  }
  if (/\n\s+at .+(:\d+:\d+|native)/.test(finished.stderr)) wrong.push(`a stack trace: ${finished.stderr}`);
  if (/\[object |undefined|\bNaN\b|ENOSPC:/.test(finished.stderr))
    wrong.push(`raw words: ${finished.stderr}`);
  return wrong;
}

export function printed({ stderr }: Pick<Timed, 'stderr'>, says: readonly (string | RegExp)[]): string[] {
  return says
    .filter((words) => (typeof words === 'string' ? !stderr.includes(words) : !words.test(stderr)))
    .map((words) => `does not say ${words}: ${stderr}`);
}

/** Exactly these many complete results, each experiment once. */
export function complete(results: readonly ResultRecord[], count: number): string[] {
  const done = results.filter((record) => record.status === 'complete');
  const different = new Set(done.map((record) => record.experimentId)).size;
  return done.length === count && different === count
    ? []
    : [`${done.length} complete results of ${different} experiments, not ${count}`];
}
