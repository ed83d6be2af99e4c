import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { failed } from '../../core/errors.js';
import { programWith } from '../../core/quality/tasks/program.js';
import { runSandboxed, type SandboxEnding, sandboxProblem } from '../../process/sandbox/run.js';
import type { Question } from './external-scorer.js';

const path = z.string().refine(isAbsolute, 'use a whole path');

/** `scorers` of an agent's config that run the answer itself: an interpreter, and what it may use. */
export const interpreterSchema = z.strictObject({
  /** The program and its words; the file with the code is the last of them. */
  interpreter: z.tuple([path], z.string().min(1)),
  /** Files and folders that it may read, beside the system's programs and libraries. */
  readable: z.array(path).default([]),
  seconds: z.number().positive().max(3600).default(10),
  memoryBytes: z
    .number()
    .min(2 ** 24)
    .default(2 ** 30),
  processes: z.int().min(1).max(1024).default(32),
});
export type InterpreterProfile = z.output<typeof interpreterSchema>;

const OUTPUT_BYTES = 2 ** 20;
/** At once: each may take the memory that its profile allows. */
const MOST_AT_ONCE = 4;

/**
 * Runs answers as programs, each in a sandbox of its own (process/sandbox/run.ts). One that ends with exit code 0 has passed; of a task whose `program` has a `{token}` it must print that last.
 * @returns 1 or 0 for each: a program that hangs, forks or is killed has failed.
 * @throws FailureError `impossible-combination` where the system has no namespaces; whatever `stopped` rejects with.
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
  const work = async () => {
    for (let next = waiting.next(); !next.done && !abort.signal.aborted; next = waiting.next()) {
      const place = count++;
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
  { interpreter, readable, seconds, memoryBytes, processes }: InterpreterProfile,
  signal: AbortSignal,
): Promise<boolean> {
  const token = randomUUID();
  const limits = { seconds, memoryBytes, processes, outputBytes: OUTPUT_BYTES };
  const whole = programWith(program, answer, token);
  const ending = await runSandboxed({ interpreter, program: whole, readable, limits }, signal);
  const asksToken = program?.some((part) => typeof part !== 'string' && part.place === 'token') ?? false;
  return hasPassed(ending, asksToken ? token : null);
}

function hasPassed({ ended, exitCode, stdout }: SandboxEnding, token: string | null): boolean {
  return ended === 'exited' && exitCode === 0 && (token === null || stdout.trimEnd().endsWith(token));
}
