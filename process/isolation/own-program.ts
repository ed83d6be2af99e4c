import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A program of ours for Node.js: what the loader of TypeScript takes where there is nothing built, and its file. */
export interface OwnProgram {
  /** Built code needs no loader. */
  readonly loader: readonly string[];
  readonly path: string;
}

/**
 * @param name without its ending, as an import would say it: `./main`.
 * @param from `import.meta.url` of who names it; it runs from source or built, and so does the program.
 */
export function ownProgram(name: string, from: string): OwnProgram {
  const here = fileURLToPath(from);
  if (!here.endsWith('.ts')) return { loader: [], path: fileURLToPath(new URL(`${name}.js`, from)) };
  const loader = ['--import', pathToFileURL(createRequire(here).resolve('tsx')).href];
  return { loader, path: fileURLToPath(new URL(`${name}.ts`, from)) };
}

/**
 * Has a program of ours, which may take its process down, answer once.
 * @param otherwise what counts where it ended so, or was killed at the limit: `SIGSEGV`, `exit code 1`. @param question what it is sent; left out = nothing.
 */
export function answerOf<T>(
  { loader, path }: OwnProgram,
  limitMilliseconds: number,
  otherwise: (how: string) => T,
  question?: object,
): Promise<T> {
  const child = fork(path, { execArgv: [...loader], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMilliseconds);
    let answer: T | null = null;
    child.once('message', (message) => {
      answer = message as T;
    });
    // Not 'exit', which may come before its last message.
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve(answer ?? otherwise(signal ?? `exit code ${code}`));
    });
    if (question !== undefined) child.send(question);
  });
}
