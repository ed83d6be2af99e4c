import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { FailureError, failed, failure } from '../../../core/errors.js';

export interface ToolOptions {
  /** Called with each line that the tool prints. */
  readonly onLine?: (line: string) => void;
  /** One sentence: what to do when it fails. */
  readonly hint?: string;
}

/**
 * Runs a tool to its end, passing its lines on. @throws FailureError `artifact-failed` with its last lines.
 */
export function run(
  command: string,
  args: readonly string[],
  { onLine, hint }: ToolOptions = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const tail: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        tail.push(line);
        if (tail.length > 20) tail.shift();
        onLine?.(line);
      });
    }
    child.once('error', (error) => {
      const message = `${command} cannot be started: ${error.message}.`;
      reject(failed('engine-missing', message, hint ?? null));
    });
    child.once('close', (code, signal) => {
      if (code === 0) return resolve();
      const message = `${command} ${args[0] ?? ''} ended with ${signal ?? `exit code ${code}`}.`;
      const rest = { hint: hint ?? null, signal, exitCode: code, stderrTail: tail.join('\n') };
      reject(new FailureError(failure('artifact-failed', message, rest)));
    });
  });
}
