import type { SchedulerFlags } from '../../batching/schedulers/index.js';
import { usageError } from '../exit.js';

/** @throws CommandError (2) for words that are not `name=value`. */
export function schedulerFlags(words: readonly string[]): SchedulerFlags {
  return Object.fromEntries(
    words.map((word) => {
      const [, name, text] = /^([A-Za-z][\w-]*)=(.+)$/.exec(word) ?? [];
      if (name === undefined || text === undefined)
        throw usageError(`--flag ${word}: write NAME=VALUE, such as maxNumBatchedTokens=8192`);
      return [camelCased(name), flagValue(text)];
    }),
  );
}

/** Engines write `max-num-seqs`, and we `maxNumSeqs`. */
const camelCased = (name: string) =>
  name.replace(/[-_]+([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());

function flagValue(text: string): string | number | boolean {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : text;
}
