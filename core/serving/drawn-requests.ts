import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { drawLength, type Lengths } from './lengths.js';

/** Requests that are made up, as far as tokens are counted. */
export interface DrawnLoad {
  readonly count: number;
  /** The same seed gives the same lengths, so all variants of a load have the same seed. */
  readonly seed: number;
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

export interface DrawnRequest {
  /** Of the text of this turn alone, without begin tokens. */
  readonly textTokens: number;
  readonly outputTokens: number;
  /** Of the text, from its beginning, that all first turns share. */
  readonly sharedTokens: number;
  /** Of its own text. */
  readonly textSeed: number;
  readonly conversation: number | null;
  readonly turn: number;
  readonly thinkSeconds: number;
}

const SEEDS = 0x7fff_ffff;

/**
 * @returns the seed of the shared text, and that many requests; the last conversation may have fewer turns.
 */
export function drawRequests(load: DrawnLoad): {
  readonly sharedSeed: number;
  readonly requests: Generator<DrawnRequest>;
} {
  const { count, seed, promptTokens, beginTokens = 0, outputTokens } = load;
  const { sharedPrefix = 0, turns = 1, thinkSeconds = 0 } = load;
  const random = xoroshiro128plus(seed);
  const uniform = () => uniformFloat64(random);
  const nextSeed = () => uniformInt(random, 1, SEEDS);
  const sharedSeed = nextSeed();
  function* requests(): Generator<DrawnRequest> {
    for (let i = 0; i < count; i++) {
      const turn = i % turns;
      const begin = turn === 0 ? beginTokens : 0;
      const textTokens = Math.max(1, drawLength(promptTokens, uniform) - begin);
      yield {
        textTokens,
        outputTokens: drawLength(outputTokens, uniform),
        sharedTokens: turn === 0 ? Math.round(sharedPrefix * textTokens) : 0,
        textSeed: nextSeed(),
        conversation: turns === 1 ? null : Math.floor(i / turns),
        turn,
        thinkSeconds: turn === 0 ? 0 : thinkSeconds,
      };
    }
  }
  return { sharedSeed, requests: requests() };
}
