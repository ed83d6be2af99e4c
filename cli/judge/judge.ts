import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { rateAnswers } from '../../agent/door/answers.js';
import {
  isPairwise,
  type JudgeDefinition,
  parseJudge,
  plainJudge,
} from '../../core/quality/judging/definition.js';
import { pooled } from '../../core/quality/judging/reading.js';
import { tryFile, usageError } from '../exit.js';
import { printData, say } from '../output/print.js';
import { openAsked } from '../quality/asked.js';
import type { JudgeOptions } from './command.js';

/** What a judge reads where nobody says otherwise. */
const TEMPLATE = `Rate how well the answer does what the request asks, from 0 (not at all) to 9 (fully).

Request:
{prompt}

What a good answer says:
{references}

Answer:
{answer}

Rating:`;

/** What it reads of two answers. */
const PAIRWISE = `Which answer does better what the request asks?

Request:
{prompt}

Answer A:
{first}

Answer B:
{second}

Better answer:`;

const questionSchema = z.object({
  id: z.string(),
  prompt: z.string(),
  answer: z.string(),
  references: z.array(z.string()).default([]),
  task: z.string().optional(),
  groups: z.record(z.string(), z.string()).optional(),
});

type AnswerToScore = Parameters<typeof rateAnswers>[2][number];
type JudgedScore = Awaited<ReturnType<typeof rateAnswers>>[number];

/** `ridge judge`: rates answers, line by line, as a scorer of an agent's configuration does. */
export async function runJudge(sources: readonly string[], options: JudgeOptions): Promise<void> {
  const judge = judgeOf(options);
  const questions = questionsOf(await text(process.stdin));
  const tell = (id: string, score: JudgedScore) => printData(JSON.stringify({ id, ...score }));
  if (isPairwise(judge) && questions.some(({ references }) => references.length === 0))
    throw usageError(
      'an answer has no reference to be held against',
      'A pairwise judge takes the first of `references` as the other answer.',
    );
  // One judge tells as it rates, so that whoever waits sees it move.
  const all: JudgedScore[][] = [];
  for (const source of sources) {
    const model = await openAsked(source, options);
    all.push(await rateAnswers(model, judge, questions, options, sources.length === 1 ? tell : () => {}));
  }
  const together = questions
    .map((_, i) => all.map((scores) => scores[i]!))
    .map((one) => poolOf(one, options));
  if (sources.length > 1) for (const [i, { id }] of questions.entries()) tell(id, together[i]!);
  summarize(all.flat(), isPairwise(judge));
}

function poolOf(scores: readonly JudgedScore[], { pool }: JudgeOptions): JudgedScore {
  const score = pooled(
    scores.map((one) => one.score),
    pool,
  );
  return score === null ? (scores.find((one) => one.score === null) ?? scores[0]!) : { score };
}

function summarize(scores: readonly JudgedScore[], pairwise: boolean): void {
  const read = scores.filter(({ score }) => score !== null) as Extract<JudgedScore, { score: number }>[];
  if (read.length < scores.length)
    say(`${scores.length - read.length} of ${scores.length} could not be scored`);
  if (!pairwise || read.length === 0) return;
  const flipped = read.filter((one) => one.flipped === true).length;
  say(
    `position bias: ${flipped} of ${read.length} verdicts changed with the order (${((100 * flipped) / read.length).toFixed(0)} %)`,
  );
}

/** @throws CommandError (exit code 2). */
function judgeOf({ template: path, pairwise }: JudgeOptions): JudgeDefinition {
  if (path === undefined) return plainJudge(pairwise === true ? PAIRWISE : TEMPLATE);
  const template = tryFile(
    `the template ${path} cannot be read`,
    () => readFileSync(path, 'utf8'),
    'Name a text file with --template.',
  ).trimEnd();
  if (/\.ya?ml$/.test(path)) {
    const read = parseJudge(template);
    if ('reads' in read) return read;
    throw usageError(
      read.map((problem) => `${path}:${problem}`).join('\n'),
      'docs/quality.md says what a judge is made of.',
    );
  }
  const [place, hint] =
    pairwise === true
      ? (['{first}', 'Put {first} and {second} where the judge is to read the two answers.'] as const)
      : (['{answer}', 'Put {answer} where the judge is to read it.'] as const);
  if (template.includes(place)) return plainJudge(template);
  throw usageError(`the template ${path} has no ${place}`, hint);
}

/** @throws CommandError (exit code 2) that names the line. */
function questionsOf(input: string): readonly AnswerToScore[] {
  const lines = input
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [[index + 1, line] as const]));
  return lines.map(([number, line]) => {
    try {
      return questionSchema.parse(JSON.parse(line)) as AnswerToScore;
    } catch {
      throw usageError(
        `line ${number} of standard input is no answer to rate`,
        'Each line is JSON: {"id": …, "prompt": …, "answer": …, "references": […]}.',
      );
    }
  });
}
