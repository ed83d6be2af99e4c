import type { LogProbabilitiesAsked } from '../../../core/runners/server/profile.js';
import type { ServedEndpoint } from '../../../engines/servers/served.js';
import { NoAnswer } from './ask.js';
import { nextLogProbabilities, promptLogProbabilities, textLogProbabilities } from './log-probabilities.js';
import type { Vocabulary } from './vocabulary.js';

/** Ordinary words: no model finds each of them equally likely. */
const SAMPLE = 'The capital of France is Paris, and the capital of Japan is Tokyo. It rained all day';

/** What a server really tells, beside what its profile says that it does. */
export interface Telling {
  /** How it tells log-probabilities of prompts; or why it does not, the end of a sentence. */
  readonly prompts: LogProbabilitiesAsked | string;
  readonly next: LogProbabilitiesAsked | string;
}

/**
 * Asks a server for what its profile promises before anything is scored: a server that takes the words and
 * ignores them would be scored at exactly chance (llama-server and `echo`, ggml-org/llama.cpp#27174).
 * @param vocabulary null = nobody here knows its tokens, and it is asked by text.
 */
export async function probe(server: ServedEndpoint, vocabulary: Vocabulary | null): Promise<Telling> {
  const { promptLogProbabilities: prompts, nextLogProbabilities: next } = server.profile;
  const tokens = vocabulary?.tokenize(SAMPLE, true) ?? null;
  return {
    prompts:
      prompts === null
        ? 'its profile knows no way to ask for the log-probabilities of a prompt'
        : await tried(prompts, async () =>
            tokens === null
              ? (await textLogProbabilities(server, prompts, SAMPLE)).values
              : await promptLogProbabilities(server, prompts, tokens),
          ),
    next:
      next === null || tokens === null
        ? 'its profile knows no way to ask which tokens may come next'
        : await tried(next, async () => [...(await nextLogProbabilities(server, next, tokens)).values()]),
  };
}

/** @returns how it was asked, or why that is of no use. */
async function tried(asked: LogProbabilitiesAsked, ask: () => Promise<readonly (number | null)[]>) {
  try {
    const different = new Set((await ask()).filter((value) => value !== null));
    return different.size < 2 ? `${asked.path} gives the same log-probability for all tokens` : asked;
  } catch (error) {
    if (error instanceof NoAnswer) return error.message;
    throw error;
  }
}
