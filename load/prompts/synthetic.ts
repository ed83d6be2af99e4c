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
  /** Same seed, same requests. One seed for all variants of a repeat; another for each repeat, so that no cache of the server knows them. */
  readonly seed: number;
  readonly promptTokens: Lengths;
  readonly outputTokens: Lengths;
  /** Of each prompt of a first turn, how much all of them have in common, from their beginning: 0 to 1. */
  readonly sharedPrefix?: number;
  /** Of each conversation; 1 = requests stand alone. */
  readonly turns?: number;
  /** Before each turn but the first. */
  readonly thinkSeconds?: number;
  /** Another salt, other words of the same lengths. */
  readonly salt?: number;
}

const SEEDS = 0x7fff_ffff;

/** @returns that many requests (of conversations, the last may be cut short). */
export function syntheticRequests(order: SyntheticOrder, tokenizer: Tokenizer | null): PlannedRequest[] {
  const { count, seed, promptTokens, outputTokens, sharedPrefix = 0, turns = 1, thinkSeconds = 0 } = order;
  const { salt = 0 } = order;
  const salted = (number: number) => (number ^ salt) & SEEDS;
  const random = xoroshiro128plus(seed);
  const uniform = () => uniformFloat64(random);
  const maker = new TextMaker(tokenizer);
  const prefixSeed = salted(uniformInt(random, 1, SEEDS));
  let prefix: string[] = [];
  return Array.from({ length: count }, (_, i): PlannedRequest => {
    const turn = i % turns;
    const length = drawLength(promptTokens, uniform);
    const wantedTokens = drawLength(outputTokens, uniform);
    const shared = turn === 0 ? Math.round(sharedPrefix * length) : 0;
    if (shared > prefix.length) prefix = maker.words(2 * shared, prefixSeed);
    const ownSeed = salted(uniformInt(random, 1, SEEDS));
    const own = maker.words(length - shared, ownSeed);
    const { text, tokens } = maker.textOf([...prefix.slice(0, shared), ...own], length, ownSeed + 1);
    const conversation = turns === 1 ? null : Math.floor(i / turns);
    const place = { conversation, turn, follows: turn > 0, thinkSeconds: turn === 0 ? 0 : thinkSeconds };
    return { prompt: text, promptTokens: tokens, wantedTokens, ...place, atSeconds: null };
  });
}
