import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { drawLength, type Lengths } from '../../core/serving/lengths.js';
import type { Tokenizer } from '../../core/serving/tokenizer.js';
import type { PlannedRequest } from '../endpoint.js';
import { TextMaker } from './text.js';

/** Requests that are made up. */
export interface SyntheticOrder {
  readonly count: number;
  /** The same seed gives the same lengths, so all variants of a load have the same seed. */
  readonly seed: number;
  /**
   * Together with the seed it determines the words. Another salt gives other words of the same lengths, which
   * are in no server's cache.
   */
  readonly salt: string;
  /** Tokens of a prompt as a server reads it, including begin tokens. */
  readonly promptTokens: Lengths;
  /** Tokens that a server puts before a text; left out = none. */
  readonly beginTokens?: number;
  readonly outputTokens: Lengths;
  /** Share of the prompt of each first turn that is the same in all of them, from the beginning: 0 to 1. */
  readonly sharedPrefix?: number;
  /** Turns of each conversation; 1 = no conversations. */
  readonly turns?: number;
  /** Before each turn but the first. */
  readonly thinkSeconds?: number;
}

const SEEDS = 0x7fff_ffff;

/** @returns that many requests; the last conversation may have fewer turns. */
export function syntheticRequests(order: SyntheticOrder, tokenizer: Tokenizer | null): PlannedRequest[] {
  const { count, seed, salt, promptTokens, beginTokens = 0, outputTokens } = order;
  const { sharedPrefix = 0, turns = 1, thinkSeconds = 0 } = order;
  const random = xoroshiro128plus(seed);
  const uniform = () => uniformFloat64(random);
  const nextKey = () => `${salt} ${seed} ${uniformInt(random, 1, SEEDS)}`;
  const maker = new TextMaker(tokenizer);
  const prefixKey = nextKey();
  let prefix: string[] = [];
  return Array.from({ length: count }, (_, i): PlannedRequest => {
    const turn = i % turns;
    const begin = turn === 0 ? beginTokens : 0;
    const length = Math.max(1, drawLength(promptTokens, uniform) - begin);
    const wantedTokens = drawLength(outputTokens, uniform);
    const shared = turn === 0 ? Math.round(sharedPrefix * length) : 0;
    if (shared > prefix.length) prefix = maker.words(2 * shared, prefixKey);
    const ownKey = nextKey();
    const own = maker.words(length - shared, ownKey);
    const { text, tokens } = maker.textOf([...prefix.slice(0, shared), ...own], length, `${ownKey} more`);
    const conversation = turns === 1 ? null : Math.floor(i / turns);
    const place = { conversation, turn, follows: turn > 0, thinkSeconds: turn === 0 ? 0 : thinkSeconds };
    return { prompt: text, promptTokens: tokens, wantedTokens, ...place, atSeconds: null };
  });
}
