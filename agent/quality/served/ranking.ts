import { randomUUID } from 'node:crypto';
import type { LogProbabilitiesAsked } from '../../../core/runners/server/profile.js';
import type { Tokenizer } from '../../../core/serving/tokenizer.js';
import type { ServedEndpoint } from '../../../engines/servers/served.js';
import { type RankingModels, USUAL_CONTEXT } from '../ranking/models.js';
import { promptTokens } from '../ranking/prompt-reader.js';
import { askText, NoAnswer } from './ask.js';
import { nextLogProbabilities } from './log-probabilities.js';
import { vocabularyOf } from './vocabulary.js';

/**
 * A server as whoever ranks: it writes orders out, and by the likeliest tokens that it tells names the first
 * one. Letters that it does not tell keep their old order, behind those that it does.
 * @param next how it tells them, or why it does not. @param tokenizer null = none is known here.
 */
export function servedModels(
  server: ServedEndpoint,
  next: LogProbabilitiesAsked | string,
  tokenizer: Tokenizer | null,
): RankingModels {
  return {
    async reader({ contextTokens }) {
      if (tokenizer === null)
        throw new NoAnswer('no tokenizer is known here that cuts prompts of lists into its tokens');
      return {
        by: 'next-log-probabilities',
        contextTokens: contextTokens ?? USUAL_CONTEXT,
        tokens: promptTokens(vocabularyOf(tokenizer), tokenizer.chat),
        async next(prompt) {
          if (typeof next === 'string') throw new NoAnswer(next);
          const logProbabilities = await nextLogProbabilities(server, next, prompt, unshared(server));
          return (token) => logProbabilities.get(token) ?? Number.NEGATIVE_INFINITY;
        },
        async write(prompt, tokens) {
          const limits = { maxTokens: tokens, stop: [] };
          const said = await askText(server, prompt, limits, undefined, unshared(server));
          const { text, tokensOut, secondsToFirst } = said;
          return { text, tokens: tokensOut ?? tokens, next: null, secondsToFirst };
        },
      };
    },
    async embedder() {
      throw new NoAnswer('vectors and heads are not asked of servers; the file itself makes them');
    },
  };
}

/**
 * Each way of ranking, and each run, reads the same prompts and is timed: it must not find what the one
 * before left in the server's cache.
 */
function unshared({ profile: { prefixes } }: ServedEndpoint): object {
  const fields = Object.entries(prefixes?.off ?? {});
  return Object.fromEntries(
    fields.map(([name, value]) => [name, value === '{unique}' ? randomUUID() : value]),
  );
}
