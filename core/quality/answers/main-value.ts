import type { AnswerRecord } from './record.js';

/** Which score of an answer stands for it: the one asked for, else of options that per byte or character, else the first. @returns its name; null = it has none. */
export function mainName({ scores }: Pick<AnswerRecord, 'scores'>, wanted: string | null): string | null {
  const names = Object.keys(scores);
  if (wanted !== null) return names.includes(wanted) ? wanted : null;
  return names.find((name) => name === 'perByte' || name === 'acc_norm') ?? names[0] ?? null;
}

/** @returns that score; null = there is none. */
export function mainValue(answer: Pick<AnswerRecord, 'scores'>, wanted: string | null): number | null {
  const name = mainName(answer, wanted);
  return name === null ? null : (answer.scores[name] ?? null);
}
