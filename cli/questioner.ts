import { createInterface } from 'node:readline/promises';
import { InvalidArgumentError } from 'commander';
import { CommandError, EXIT } from './exit.js';

/** Asks whoever sits at the terminal. Questions go to `output`, which is stderr. */
export interface Questioner {
  /**
   * Asks until the answer can be read.
   * @param read @throws InvalidArgumentError whose sentence says what an answer has to be.
   */
  ask<T>(question: string, read: (answer: string) => T): Promise<T>;
  say(text: string): void;
  close(): void;
}

/**
 * @param left what is said where the questions were left.
 * @returns a questioner on these streams. An end of input, or Ctrl-C, ends the command with 130.
 */
export function questioner(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  left: string,
): Questioner {
  const lines = createInterface({ input, output });
  const closed = new Promise<never>((_, reject) => {
    lines.once('close', () => reject(new CommandError(left, EXIT.interrupted)));
  });
  // Closing is how it ends where every question was answered, too.
  closed.catch(() => undefined);
  return {
    async ask(question, read) {
      for (;;) {
        const answer = await Promise.race([lines.question(`${question} `), closed]);
        try {
          return read(answer.trim());
        } catch (error) {
          if (!(error instanceof InvalidArgumentError)) throw error;
          output.write(`  ${error.message}\n`);
        }
      }
    },
    say: (text) => void output.write(`${text}\n`),
    close: () => lines.close(),
  };
}

/** Reads an answer to a question whose default is no. @throws InvalidArgumentError */
export function yesOrNo(answer: string): boolean {
  if (/^(y|yes)$/i.test(answer)) return true;
  if (/^(n|no|)$/i.test(answer)) return false;
  throw new InvalidArgumentError('Answer y or n.');
}
