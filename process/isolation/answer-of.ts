import { fork } from 'node:child_process';
import type { OwnProgram } from './own-program.js';

/**
 * Asks a program of ours one question. The program may crash its process.
 * @param otherwise makes the answer where it crashed, or was killed at the limit, of how it ended: `SIGSEGV`,
 *   `exit code 1`.
 * @param question what it is sent; left out = nothing.
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
