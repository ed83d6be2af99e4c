import { type DrawnLoad, drawRequests } from '../../core/serving/drawn-requests.js';
import type { Tokenizer } from '../../core/serving/tokenizer.js';
import type { PlannedRequest } from '../endpoint.js';
import { TextMaker } from './text.js';

/** Requests that are made up, with texts. */
export interface SyntheticOrder extends DrawnLoad {
  /**
   * Together with the seed it determines the words. Another salt gives other words of the same lengths, which
   * are in no server's cache.
   */
  readonly salt: string;
}

/** @returns that many requests; the last conversation may have fewer turns. */
export function syntheticRequests(order: SyntheticOrder, tokenizer: Tokenizer | null): PlannedRequest[] {
  const { seed, salt } = order;
  const maker = new TextMaker(tokenizer);
  const { sharedSeed, requests } = drawRequests(order);
  const keyOf = (textSeed: number) => `${salt} ${seed} ${textSeed}`;
  let prefix: string[] = [];
  return Array.from(requests, (drawn): PlannedRequest => {
    const { textTokens, sharedTokens: shared, outputTokens, conversation, turn, thinkSeconds } = drawn;
    if (shared > prefix.length) prefix = maker.words(2 * shared, keyOf(sharedSeed));
    const key = keyOf(drawn.textSeed);
    const own = maker.words(textTokens - shared, key);
    const { text, tokens } = maker.textOf([...prefix.slice(0, shared), ...own], textTokens, `${key} more`);
    const place = { conversation, turn, follows: turn > 0, thinkSeconds };
    return { prompt: text, promptTokens: tokens, wantedTokens: outputTokens, ...place, atSeconds: null };
  });
}
