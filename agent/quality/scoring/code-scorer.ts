import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { isAbsolute } from 'node:path';
import { duplexPair } from 'node:stream';
import { z } from 'zod';
import { failed } from '../../../core/errors.js';
import { asksToken, programWith } from '../../../core/quality/tasks/program.js';
import {
  runSandboxed,
  type SandboxEnding,
  type SandboxedProgram,
  sandboxProblem,
} from '../../../process/sandbox/run.js';
import type { Question } from './external-scorer.js';
import { answeringProgram, testingProgram } from './tests-apart.js';

const path = z.string().refine(isAbsolute, 'use a whole path');

/** `scorers` of an agent's config that run the answer itself: an interpreter, and what it may use. */
export const interpreterSchema = z.strictObject({
  interpreter: z
    .tuple([path], z.string().min(1))
    .describe('The program and its words; the file with the code is the last of them.'),
  readable: z
    .array(path)
    .default([])
    .describe("Files and folders that it may read, beside the system's programs and libraries."),
  seconds: z.number().positive().max(3600).default(10).describe('A program that runs longer has failed.'),
  memoryBytes: z
    .number()
    .min(2 ** 24)
    .default(2 ** 30)
    .describe('Memory that it may use.'),
  processes: z.int().min(1).max(1024).default(32).describe('Processes that it may have at once.'),
});
export type InterpreterProfile = z.output<typeof interpreterSchema>;

const OUTPUT_BYTES = 2 ** 20;
/**
 * Answers that run at once. Each may take the memory that its profile allows, and its tests as much again.
 */
const MOST_AT_ONCE = 4;

/**
 * Runs answers as programs, each in a sandbox of its own (process/sandbox/run.ts). Where the task has
 * `tests`, these run in another sandbox, and an answer has passed when they end with exit code 0. Without
 * `tests` the program itself has to end so, and to print the `{token}` last where it has one. An answer that
 * looks for the token in its own file can still pass that way.
 * @returns 1 or 0 for each: a program that hangs, forks or is killed has failed.
 * @throws FailureError `impossible-combination` where the system has no namespaces, or the interpreter cannot
 *   run tests apart; whatever `stopped` rejects with.
 */
export async function scoreByRunning(
  name: string,
  profile: InterpreterProfile,
  questions: Iterable<Question>,
  stopped: Promise<never> = new Promise(() => {}),
): Promise<number[]> {
  const problem = await sandboxProblem();
  if (problem !== null)
    throw failed(
      'impossible-combination',
      `the scorer ${name} cannot run programs: ${problem}`,
      'Score on a Linux that allows user namespaces (docs/security.md), or leave the scorer out.',
    );
  const abort = new AbortController();
  const scores: number[] = [];
  const waiting = questions[Symbol.iterator]();
  let count = 0;
  let able: Promise<void> | null = null;
  const work = async () => {
    for (let next = waiting.next(); !next.done && !abort.signal.aborted; next = waiting.next()) {
      const place = count++;
      if (next.value.program?.tests != null) {
        able ??= requireApart(name, profile, abort.signal);
        await able;
      }
      scores[place] = Number(await passes(next.value, profile, abort.signal));
    }
  };
  const workers = Array.from({ length: Math.min(MOST_AT_ONCE, availableParallelism()) }, work);
  try {
    await Promise.race([Promise.all(workers), stopped]);
  } finally {
    abort.abort();
    await Promise.allSettled(workers);
  }
  return scores;
}

async function passes(
  { answer, program }: Question,
  profile: InterpreterProfile,
  signal: AbortSignal,
): Promise<boolean> {
  const token = randomUUID();
  const whole = programWith(program, answer, token);
  if (program?.tests != null) return hasPassed(await testedApart(whole, program.tests, profile, signal));
  const ending = await runSandboxed(sandboxed(whole, profile), signal);
  return hasPassed(ending) && (!asksToken(program) || ending.stdout.trimEnd().endsWith(token));
}

const hasPassed = ({ ended, exitCode }: SandboxEnding) => ended === 'exited' && exitCode === 0;

function sandboxed(program: string, profile: InterpreterProfile): SandboxedProgram {
  const { interpreter, readable, seconds, memoryBytes, processes } = profile;
  const limits = { seconds, memoryBytes, processes, outputBytes: OUTPUT_BYTES };
  return { interpreter, program, readable, limits };
}

/**
 * Runs an answer's program and its tests in a sandbox each, with nothing between them but calls.
 * @returns how the tests ended.
 */
async function testedApart(
  program: string,
  tests: string,
  profile: InterpreterProfile,
  signal: AbortSignal,
): Promise<SandboxEnding> {
  const tested = new AbortController();
  const until = AbortSignal.any([signal, tested.signal]);
  const [toAnswer, toTests] = duplexPair();
  const answering = runSandboxed(
    { ...sandboxed(answeringProgram(program), profile), channel: toAnswer },
    until,
  );
  const testing = runSandboxed({ ...sandboxed(testingProgram(tests), profile), channel: toTests }, until);
  try {
    return await Promise.race([testing, answering.then(() => testing)]);
  } finally {
    tested.abort();
    await Promise.allSettled([answering, testing]);
  }
}

/**
 * @throws FailureError `impossible-combination` where a right answer fails: the interpreter is another
 *   language's.
 */
async function requireApart(name: string, profile: InterpreterProfile, signal: AbortSignal): Promise<void> {
  const program = 'def same(value):\n    return value\n';
  const tests = 'assert answer.same([1, "a"]) == [1, "a"]\n';
  const ending = await testedApart(program, tests, profile, signal);
  if (hasPassed(ending)) return;
  const why = ending.stderr.trim().split('\n').at(-1) || `they ${ending.ended}`;
  throw failed(
    'impossible-combination',
    `the scorer ${name} cannot run \`tests\`, which are Python: ${why}`,
    'Name Python 3 as its interpreter, or put the tests into `program` (docs/quality.md).',
  );
}
