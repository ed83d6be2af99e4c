import { failed } from '../../../core/errors.js';
import type { EvictionMethod, EvictionSpec } from '../../../core/work/eviction.js';
import type { Llama, Pointer } from '../../native/llama.js';
import { type AddKeyScores, addDifferenceScores, addNormScores } from '../key-scores.js';
import { readCachedKeys } from './cached-keys.js';
import type { Handles } from './handles.js';

/** null = the order of the tokens alone decides. */
const KEY_SCORES: Readonly<Record<EvictionMethod, AddKeyScores | null>> = {
  streaming: null,
  knorm: addNormScores,
  keydiff: addDifferenceScores,
};

/**
 * Cuts the cache of each sequence back to its budget whenever it is full. llama.cpp keeps a token in all
 * layers and heads or in none, so the scores of all heads are added; the papers choose for each head. Tokens
 * that stay keep their positions.
 */
export class Evictor {
  readonly #llama: Llama;
  readonly #handles: Pick<Handles, 'model' | 'context'>;
  readonly #memory: Pointer;
  readonly #spec: EvictionSpec;
  /** Of each sequence, the positions that the cache has, ascending. */
  readonly #held: number[][];

  constructor(
    llama: Llama,
    handles: Pick<Handles, 'model' | 'context'>,
    sequences: number,
    spec: EvictionSpec,
  ) {
    this.#llama = llama;
    this.#handles = handles;
    this.#memory = llama.functions.llama_get_memory(handles.context);
    this.#spec = spec;
    this.#held = Array.from({ length: sequences }, () => []);
  }

  /** @returns tokens that a sequence can read before it has to be cut. */
  room(sequence: number): number {
    return this.#spec.budget + this.#spec.block - this.#held[sequence]!.length;
  }

  /** Whether tokens of a sequence have been given up. @param read tokens that it has read. */
  hasCut(sequence: number, read: number): boolean {
    return this.#held[sequence]!.length < read;
  }

  /** Counts tokens that a sequence has read, no more than it had room for, and cuts it if it is full. */
  noteRead(sequence: number, from: number, count: number): void {
    const held = this.#held[sequence]!;
    for (let i = 0; i < count; i++) held.push(from + i);
    if (this.room(sequence) === 0) this.#cut(sequence);
  }

  /** Notes that a sequence was cut back to its first tokens, none of which had been given up. */
  noteKept(sequence: number, tokens: number): void {
    this.#held[sequence]!.length = tokens;
  }

  #cut(sequence: number): void {
    const held = this.#held[sequence]!;
    const kept = keptTokens(this.#scores(sequence, held), this.#spec);
    const gone = held.filter((_, token) => !kept[token]);
    for (const [first, last] of runsOf(gone)) {
      this.#llama.functions.llama_memory_seq_rm(this.#memory, sequence, first, last + 1);
    }
    this.#held[sequence] = held.filter((_, token) => kept[token]);
  }

  /** @returns a number for each token in the cache: the larger, the sooner it stays. */
  #scores(sequence: number, held: readonly number[]): Float64Array {
    const scores = new Float64Array(held.length);
    const add = KEY_SCORES[this.#spec.method];
    if (add === null) return scores.map((_, token) => token);
    const { positions, heads } = readCachedKeys(this.#llama, this.#handles, sequence);
    // The engine lists cells, and a cell that was given up has been taken by a later token.
    const byCell = new Float64Array(positions.length);
    for (const head of heads()) add(head, byCell);
    const tokenAt = new Map(held.map((position, token) => [position, token]));
    for (const [cell, position] of positions.entries()) {
      const token = tokenAt.get(position);
      if (token === undefined)
        throw failed('internal', `The cache has position ${position}, which was given up.`);
      scores[token] = byCell[cell]!;
    }
    return scores;
  }
}

/**
 * @param scores of all tokens, the first to the newest.
 * @returns whether each stays: the first and the newest as the settings say, then those that score highest.
 */
export function keptTokens(
  scores: Float64Array,
  { budget, sinks, recent }: Pick<EvictionSpec, 'budget' | 'sinks' | 'recent'>,
): boolean[] {
  const newest = scores.length - recent;
  const kept = Array.from(scores, (_, token) => token < sinks || token >= newest);
  const others = kept.flatMap((stays, token) => (stays ? [] : [token]));
  // Of equal scores the newer token stays.
  others.sort((a, b) => scores[b]! - scores[a]! || b - a);
  for (const token of others.slice(0, budget - sinks - recent)) kept[token] = true;
  return kept;
}

/** @returns first and last of each run of neighbours. @param numbers ascending. */
function runsOf(numbers: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === number - 1) run[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}
