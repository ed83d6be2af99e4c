import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Operation } from './history.js';

/** What the checker says of one model. */
export interface Verdict {
  readonly model: Operation['model'];
  /** `empty`: the history has nothing of it; `unknown`: it took too long. */
  readonly result: 'holds' | 'violated' | 'unknown' | 'empty';
  readonly operations: number;
  readonly partitions: number;
  /** Sentences. */
  readonly violations: readonly string[];
}

const SOURCE = join(import.meta.dirname, 'checker');
/** On the path, or where its own archive puts it. */
const GO = ['go', '/usr/local/go/bin/go'].find((go) => spawnSync(go, ['version']).status === 0);

/** True where the checker, a program in Go, can be compiled. */
export const hasChecker = GO !== undefined;

let program: string | null = null;

/** Compiles the checker, once. @throws Error with what Go said */
export function checkerProgram(): string {
  if (program !== null) return program;
  const path = join(tmpdir(), `ridgepoint-chaos-checker-${process.getuid?.() ?? 0}`);
  const built = spawnSync(GO ?? 'go', ['build', '-buildvcs=false', '-o', path, '.'], {
    cwd: SOURCE,
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(`the checker cannot be compiled: ${built.stderr}`);
  program = path;
  return path;
}

/** Asks porcupine. @param folder for the history, and a page about each part of it that does not hold */
export function check(operations: readonly Operation[], folder: string): Verdict[] {
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
  const history = join(folder, 'history.jsonl');
  writeFileSync(history, operations.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const said = spawnSync(checkerProgram(), ['-pictures', folder, history], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 ** 2,
  });
  if (said.status === null || said.status > 1) throw new Error(`the checker failed: ${said.stderr}`);
  return said.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Verdict);
}
