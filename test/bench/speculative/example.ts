import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { checkOutSources } from '../../../engines/native/engines/build.js';
import { findEngine } from '../../../engines/native/packages.js';

/** llama.cpp's own example of speculative decoding, linked with the very libraries that Ridgepoint opens. */
export interface Example {
  readonly program: string;
  /** Where its backends are found. */
  readonly folder: string;
}

/** @returns null without a C++ compiler. */
export async function buildExample(folder: string): Promise<Example | null> {
  if (spawnSync('c++', ['--version']).status !== 0) return null;
  const engine = findEngine();
  const sources = await checkOutSources(engine.release);
  mkdirSync(folder, { recursive: true });
  const libraries = readdirSync(engine.folder).filter((name) => name.endsWith('.so'));
  for (const name of libraries) {
    if (!existsSync(join(folder, name))) symlinkSync(join(engine.folder, name), join(folder, name));
  }
  const program = join(folder, 'llama-speculative-simple');
  const linked = libraries.filter((name) => /^lib(llama|ggml(-base)?)(-common|\.v[\d.]+)?\.so$/.test(name));
  const headers = ['include', 'ggml/include', 'common', 'vendor'].map((name) => `-I${join(sources, name)}`);
  execFileSync('c++', [
    ...['-std=c++17', '-O2', ...headers],
    join(sources, 'examples/speculative-simple/speculative-simple.cpp'),
    ...['-o', program, ...linked.map((name) => join(folder, name)), `-Wl,-rpath,${folder}`],
  ]);
  return { program, folder };
}

export interface ExampleRequest {
  readonly model: string;
  readonly draft: string;
  readonly prompt: string;
  readonly draftTokens: number;
  readonly answerTokens: number;
  readonly contextTokens: number;
}

/** A step as the example tells of it. */
export interface ExampleStep {
  readonly accepted: number;
  readonly drafted: number;
  /** The model's own token, behind those that were accepted. */
  readonly token: number;
}

export interface ExampleRun {
  /** Of a run that tells of its steps, which takes time. */
  readonly steps: readonly ExampleStep[];
  readonly tokensPerSecond: number;
}

/** Its log is written by a thread of its own, which now and then loses lines at the end of the process. */
const ATTEMPTS = 5;

/** Runs it greedily with one thread. @param telling has each step told. */
export function runExample(example: Example, asked: ExampleRequest, telling: boolean): ExampleRun {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const run = readRun(sayOf(example, asked, telling), telling);
    if (run !== null) return run;
  }
  throw new Error(`the log of the example lacked lines ${ATTEMPTS} times`);
}

function sayOf({ program, folder }: Example, asked: ExampleRequest, telling: boolean): string {
  const { model, draft, prompt, draftTokens, answerTokens, contextTokens } = asked;
  const { stdout, stderr, status, signal } = spawnSync(
    program,
    [
      ...['-m', model, '--model-draft', draft, '--spec-type', 'draft-simple'],
      ...['--spec-draft-n-max', String(draftTokens), '--spec-draft-p-min', '0'],
      ...['-t', '1', '--spec-draft-threads', '1', '--temp', '0', '-c', String(contextTokens)],
      ...['-n', String(answerTokens), '-p', prompt, '-lv', telling ? '5' : '3'],
    ],
    { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  if (status === 0) return `${stdout}\n${stderr}`;
  throw new Error(`the example ended with ${signal ?? status}: ${stderr.slice(-2000)}`);
}

/** @returns null where lines are missing: the tokens of all steps are those that it counts. */
function readRun(said: string, telling: boolean): ExampleRun | null {
  const [, tokens, speed] =
    /decoded +(\d+) tokens in +[\d.]+ seconds, speed: +([\d.]+) t\/s/.exec(said) ?? [];
  if (speed === undefined) return null;
  const told = said.matchAll(/accepted (\d+)\/(\d+) draft tokens, the last target token is: \((\d+)\)/g);
  const steps = Array.from(told, ([, accepted, drafted, token]) => ({
    accepted: Number(accepted),
    drafted: Number(drafted),
    token: Number(token),
  }));
  const counted = steps.reduce((sum, { accepted }) => sum + accepted + 1, 0);
  return telling && counted !== Number(tokens) ? null : { steps, tokensPerSecond: Number(speed) };
}
