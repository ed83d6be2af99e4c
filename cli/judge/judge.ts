import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { AnswerToScore } from '../../agent/quality/external-scorer.js';
import { JUDGE } from '../../agent/quality/jobs.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { taskOf } from '../../process/isolation/job.js';
import { launch } from '../../process/isolation/launch.js';
import { EXIT, fromFailure, usageError } from '../exit.js';
import { printData } from '../output/print.js';
import { askedModel, openAsked } from '../single/asked-model.js';
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

const questionSchema = z.object({
  id: z.string(),
  prompt: z.string(),
  answer: z.string(),
  references: z.array(z.string()).default([]),
});

/** `ridge judge`: rates answers, line by line, as a scorer of an agent's configuration does. */
export async function runJudge(source: string, options: JudgeOptions): Promise<void> {
  const template = templateOf(options.template);
  const questions = questionsOf(await text(process.stdin));
  const model = await openAsked(source, options);
  const ending = await launch({
    task: taskOf(JUDGE, { model: askedModel(model, options), questions, template }),
    cpus: [],
    timeLimitSeconds: null,
    memoryLimitBytes: null,
    onMessage: (message) => {
      if (message.type === 'score') printData(JSON.stringify({ id: message.id, score: message.score }));
    },
  }).ended;
  if (ending.failure !== null) throw fromFailure(ending.failure, EXIT.failed);
}

/** @throws CommandError (exit code 2). */
function templateOf(path: string | undefined): string {
  if (path === undefined) return TEMPLATE;
  const template = textOf(path).trimEnd();
  if (template.includes('{answer}')) return template;
  throw usageError(`the template ${path} has no {answer}`, 'Put {answer} where the judge is to read it.');
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw usageError(
      `the template ${path} cannot be read: ${fileProblem(error)}`,
      'Name a text file with --template.',
    );
  }
}

/** @throws CommandError (exit code 2) that names the line. */
function questionsOf(input: string): readonly AnswerToScore[] {
  const lines = input
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [[index + 1, line] as const]));
  return lines.map(([number, line]) => {
    try {
      return questionSchema.parse(JSON.parse(line));
    } catch {
      throw usageError(
        `line ${number} of standard input is no answer to rate`,
        'Each line is JSON: {"id": …, "prompt": …, "answer": …, "references": […]}.',
      );
    }
  });
}
