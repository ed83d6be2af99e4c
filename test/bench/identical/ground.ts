import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RIDGE, ROOT } from '../../support/ridge.js';
import type { Peer } from '../peers/llama-cpp.js';

/** Where both sides work: a folder, so that relative names of files are the same for both. */
export interface Ground {
  readonly folder: string;
  readonly threads: number;
  say(line: string): void;
}

/** What a program printed, or why it ended otherwise. */
export type Printed =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: string };

/** Runs one of llama.cpp's tools. */
export function runPeer({ program, libraries }: Peer, args: readonly string[], { folder }: Ground): Printed {
  return run(program, args, folder, { LD_LIBRARY_PATH: libraries });
}

/** Runs the built `ridge`, as a user would. */
export function runRidge(args: readonly string[], { folder }: Ground): Printed {
  return run(process.execPath, [RIDGE, ...args], folder, { NO_COLOR: '1' });
}

function run(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Printed {
  try {
    const text = execFileSync(program, args, {
      cwd,
      env: { ...process.env, ...env },
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { ok: true, text };
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    const why = stderr?.trim().split('\n').slice(-3).join(' | ') ?? String(error);
    return { ok: false, why };
  }
}

/** @returns a file's digest; null when there is none. The file is removed. */
export function takeDigest(path: string): string | null {
  if (!existsSync(path)) return null;
  const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
  rmSync(path);
  return digest;
}

/** The text to measure on: of the material folder where one is named, the one that ships otherwise. */
export function textFile(): string {
  const material = process.env.RIDGEPOINT_MATERIAL;
  const larger = material === undefined ? null : join(material, 'data/test.txt');
  return larger !== null && existsSync(larger) ? larger : join(ROOT, 'models/sample.txt');
}
