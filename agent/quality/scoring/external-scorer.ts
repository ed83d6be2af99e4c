import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { numberBetween } from '../../../core/bounds.js';
import { type FailureCode, FailureError, failure } from '../../../core/errors.js';
import { orElse } from '../../../core/or-else.js';
import type { Program } from '../../../core/quality/tasks/program.js';
import { StderrTail } from '../../../process/isolation/stderr-tail.js';

/** `scorers` of an agent's config that are commands. */
export const commandSchema = z.strictObject({
  command: z.array(z.string().min(1)).min(1).describe('The program and its words; no shell reads them.'),
  timeoutSeconds: z
    .number()
    .positive()
    .max(86_400)
    .default(60)
    .describe('It is killed when no score comes for so long.'),
  env: z
    .record(z.string(), z.string())
    .default({})
    .describe('Beside PATH, HOME and the locale, all that it gets of an environment.'),
});
export type CommandProfile = z.output<typeof commandSchema>;

/** One line of JSON on its standard input. */
export interface AnswerToScore {
  readonly id: string;
  readonly prompt: string;
  readonly answer: string;
  readonly references: readonly string[];
  /** Left out where nobody knows them. */
  readonly task?: string;
  readonly groups?: Readonly<Record<string, string>>;
}

/** An answer, with what scorers of this process are given beside it. */
export interface Question extends AnswerToScore {
  readonly program?: Program;
}

const id = z.string().optional();
const scoreSchema = z.union([
  z.object({ score: numberBetween(0, 1), id }),
  /** It could not be scored, which is counted and is no 0. */
  z.object({ score: z.null(), reason: z.string().min(1), id }),
]);
/** What a command of the node gets of an environment. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'TZ'];
/** A score is a short line; a program that writes a novel is another program. */
const MAX_LINE_BYTES = 64 * 1024;
const MAX_SHOWN = 120;

/**
 * Starts a command of the node, in the process group of the one that asks, so that whoever kills that one's
 * group ends this, too.
 */
export function startCommand({
  command,
  env,
}: Pick<CommandProfile, 'command' | 'env'>): ChildProcessWithoutNullStreams {
  const [program = '', ...args] = command;
  const inherited = INHERITED.flatMap((key) =>
    process.env[key] === undefined ? [] : [[key, process.env[key]]],
  );
  return spawn(program, args, {
    stdio: 'pipe',
    shell: false,
    cwd: tmpdir(),
    env: { ...Object.fromEntries(inherited), ...env },
  });
}

/**
 * Lets a command of the node's config score answers: one line of JSON a question goes in, one line of JSON
 * with a `score` from 0 to 1 comes out for each, in the same order.
 * @param questions are drawn as the command reads them.
 * @param stopped rejects when the work is to end.
 * @throws FailureError `run-failed`, `timed-out`; whatever `stopped` rejects with.
 */
export async function scoreExternally(
  name: string,
  profile: CommandProfile,
  questions: Iterable<Question>,
  stopped: Promise<never> = new Promise(() => {}),
): Promise<(number | null)[]> {
  const child = startCommand(profile);
  try {
    return await Promise.race([new Scoring(name, profile, questions, child).scores, stopped]);
  } finally {
    child.kill('SIGKILL');
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  }
}

class Scoring {
  readonly scores: Promise<(number | null)[]>;
  readonly #name: string;
  /** Ids of the answers that it got so far, in order. */
  readonly #asked: string[] = [];
  /** It got all of them. */
  #all = false;
  readonly #found: (number | null)[] = [];
  readonly #tail = new StderrTail();
  #line = '';

  constructor(
    name: string,
    { timeoutSeconds }: CommandProfile,
    questions: Iterable<Question>,
    child: ChildProcessWithoutNullStreams,
  ) {
    this.#name = name;
    this.scores = new Promise((resolve, reject) => {
      const late = () =>
        reject(this.#failure('timed-out', `gave no score for ${timeoutSeconds} s (${this.#done()})`));
      const clock = setTimeout(late, timeoutSeconds * 1000);
      const settle = (act: () => void) => {
        clearTimeout(clock);
        act();
      };
      child.on('error', (error) =>
        settle(() => reject(this.#failure('run-failed', `could not be started: ${error.message}`))),
      );
      child.on('close', (code, signal) => {
        if (this.#all && this.#found.length === this.#asked.length && code === 0)
          return settle(() => resolve(this.#found));
        const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
        settle(() => reject(this.#failure('run-failed', `ended with ${how} (${this.#done()})`)));
      });
      child.stderr.on('data', (chunk: Buffer) => this.#tail.push(chunk));
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        clock.refresh();
        const wrong = this.#take(text);
        if (wrong !== null) settle(() => reject(this.#failure('run-failed', wrong)));
      });
      // A program that has read enough closes its end; its exit code tells whether that was right.
      child.stdin.on('error', () => {});
      const lines = Readable.from(this.#lines(questions));
      lines.on('error', (error) => settle(() => reject(error)));
      lines.pipe(child.stdin);
    });
  }

  *#lines(questions: Iterable<Question>): Generator<string> {
    for (const { program: _, ...question } of questions) {
      this.#asked.push(question.id);
      yield `${JSON.stringify(question)}\n`;
    }
    this.#all = true;
  }

  /** @returns what is wrong with the lines that are complete now, or null. */
  #take(text: string): string | null {
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      const id = this.#asked[this.#found.length];
      if (id === undefined) return `gave more scores than the ${this.#asked.length} answers it got`;
      const score = readScore(line);
      if (score === null) return `wrote ${shown(line)} where {"score": 0 to 1} was expected`;
      if (score.id !== undefined && score.id !== id)
        return `scored ${shown(score.id)} where ${shown(id)} was next`;
      this.#found.push(score.score);
    }
    return this.#line.length > MAX_LINE_BYTES ? `wrote a line of more than ${MAX_LINE_BYTES} bytes` : null;
  }

  #done(): string {
    return `${this.#found.length} of ${this.#asked.length} answers scored`;
  }

  #failure(code: FailureCode, what: string): FailureError {
    const hint = 'Look at scorers in the agent’s config; the last lines of its stderr are kept.';
    const stderrTail = this.#tail.text();
    return new FailureError(failure(code, `the scorer ${this.#name} ${what}`, { hint, stderrTail }));
  }
}

function readScore(line: string): z.output<typeof scoreSchema> | null {
  return orElse(() => scoreSchema.parse(JSON.parse(line)), null);
}

function shown(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, '?');
  return JSON.stringify(printable.length > MAX_SHOWN ? `${printable.slice(0, MAX_SHOWN)}...` : printable);
}
