import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');
export const RIDGE = join(ROOT, 'dist/cli/main.js');

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  /** Everything stderr said so far. */
  stderr(): string;
  /** Resolves when the text has appeared on stderr; rejects when the process ends first. */
  says(text: string | RegExp): Promise<void>;
  readonly ended: Promise<Finished>;
}

export interface Options {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** What it reads on standard input; left out = there is none. */
  readonly input?: string;
  /** `dist/cli/main.js` of another installation. */
  readonly program?: string;
}

/** Starts the built `ridge` as a user would, in a process group of its own. */
export function startRidge(args: readonly string[], options: Options = {}): Running {
  const child = spawn(process.execPath, [options.program ?? RIDGE, ...args], {
    cwd: options.cwd ?? ROOT,
    // Measuring roofs takes a minute, at the first start of every agent.
    env: { ...process.env, NO_COLOR: '1', RIDGE_ROOFS: 'off', ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdin?.end(options.input);
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const check of waiting) check();
  });
  const ended = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return {
    process: child,
    stderr: () => stderr,
    says: (text) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = typeof text === 'string' ? stderr.includes(text) : text.test(stderr);
          if (!found) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
        void ended.then(() => reject(new Error(`ridge ended without saying ${text}:\n${stderr}`)));
      }),
    ended,
  };
}

/** Starts `ridge agent` as node1 with the fake runner alone, and with what it keeps in that folder. */
export function startFakeAgent(coordinator: string, folder: string): Running {
  const config = join(folder, 'agent.yaml');
  writeFileSync(config, JSON.stringify({ runners: ['fake'], cacheFolder: folder, stateFolder: folder }));
  return startRidge(['agent', '--coordinator', coordinator, '--config', config, '--name', 'node1']);
}

/** Runs `ridge` to its end. */
export async function ridge(args: readonly string[], options: Options = {}): Promise<Finished> {
  return await startRidge(args, options).ended;
}
