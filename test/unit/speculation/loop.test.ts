import { describe, expect, test } from 'vitest';
import { acceptedTokens, firstDifference } from '../../../core/speculation/accept.js';
import { PromptLookup } from '../../../core/speculation/prompt-lookup.js';
import { cutPrompts } from '../../../core/speculation/prompts.js';
import { ModelDrafter, NgramDrafter } from '../../../engines/runners/speculation/drafters.js';
import {
  type Choices,
  continueGreedily,
  type Drafter,
  type Look,
  type SequenceModel,
} from '../../../engines/runners/speculation/loop.js';

/**
 * A model whose choice depends on all tokens before it, so that a single wrong one in its cache shows. Now
 * and then it chooses what another model of a similar seed does.
 */
class HashModel implements SequenceModel {
  readonly cache: number[][];
  readonly #seed: number;
  readonly #agreement: number;

  constructor(sequences: number, seed: number, agreement: number) {
    this.cache = Array.from({ length: sequences }, () => []);
    this.#seed = seed;
    this.#agreement = agreement;
  }

  extend(rows: readonly (readonly number[])[], look: Look): Choices {
    const chosen = rows.flatMap((row, s) =>
      row.map((token) => {
        this.cache[s]!.push(token);
        return this.#choice(this.cache[s]!);
      }),
    );
    const figures = chosen.map((token) => (look === 'probability' ? ((token * 37) % 100) / 100 : 0));
    return { tokens: Int32Array.from(chosen), figures: Float32Array.from(figures) };
  }

  cut(sequence: number, length: number): void {
    expect(length).toBeLessThanOrEqual(this.cache[sequence]!.length);
    this.cache[sequence]!.length = length;
  }

  length(sequence: number): number {
    return this.cache[sequence]!.length;
  }

  #choice(tokens: readonly number[]): number {
    const hash = tokens.reduce((h, token) => Math.imul(h ^ token, 0x01000193) >>> 0, 0x811c9dc5);
    const own = (hash >>> 8) % 100 < this.#agreement ? 0 : this.#seed;
    return (Math.imul(hash ^ own, 0x9e3779b1) >>> 16) % 50;
  }
}

const PROMPTS = [Int32Array.of(1, 2, 3, 4), Int32Array.of(5, 6, 7, 1, 2), Int32Array.of(9, 9, 9)];

/** @returns a model that has read the prompts, with its first choices. */
function ready(seed: number, agreement: number, count: number) {
  const model = new HashModel(count, seed, agreement);
  const prompts = PROMPTS.slice(0, count);
  const { tokens } = model.extend(
    prompts.map((prompt) => [...prompt]),
    'choice',
  );
  const ends = prompts.map(
    (_, s) => prompts.slice(0, s + 1).reduce((sum, { length }) => sum + length, 0) - 1,
  );
  return { model, first: Int32Array.from(ends, (end) => tokens[end]!), prompts };
}

const ANSWER = 60;
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

function answered(count: number, drafting: { drafter: Drafter; tokens: number } | null) {
  const { model, first, prompts } = ready(7, 60, count);
  const answers = continueGreedily(model, first, ANSWER, drafting);
  // The last token of an answer is chosen, and never read.
  for (const [s, answer] of answers.tokens.entries())
    expect(model.cache[s]).toEqual([...prompts[s]!, ...answer.slice(0, -1)]);
  return answers;
}

describe('speculative decoding gives what plain greedy decoding gives', () => {
  const draftsOf = (count: number, tokens: number, probability: number) => {
    const { model } = ready(11, 60, count);
    return { drafter: new ModelDrafter(model, count, probability), tokens };
  };

  test.each([1, 2, 3])('of %i sequences, whatever a model drafts', (count) => {
    const plain = answered(count, null);
    expect(plain.verifications).toBe(count * (ANSWER - 1));
    for (const tokens of [1, 2, 5, 16]) {
      for (const probability of [0, 0.5, 1]) {
        const drafted = answered(count, draftsOf(count, tokens, probability));
        expect(drafted.tokens).toEqual(plain.tokens);
        const accepted = sum(drafted.accepted);
        expect(accepted + drafted.verifications).toBe(count * (ANSWER - 1));
        expect(sum(drafted.acceptedTokens)).toBe(accepted);
        expect(sum(drafted.draftedTokens)).toBe(sum(drafted.drafted));
        if (probability === 0) expect(accepted).toBeGreaterThan(0);
        if (probability === 1) expect(accepted).toBe(0);
      }
    }
  });

  test('a draft of the model itself is accepted whole', () => {
    const { model } = ready(7, 60, 2);
    const own = answered(2, { drafter: new ModelDrafter(model, 2, 0), tokens: 4 });
    expect(own.accepted).toEqual(own.drafted);
    // 59 tokens in steps of five: eleven whole ones, and one with what is left.
    expect(own.verifications).toBe(2 * 12);
    expect(own.drafted[0]).toBe(2 * 12);
    expect(own.drafted[3]).toBe(2 * 11);
  });

  test('of n-grams, too', () => {
    const plain = answered(3, null);
    for (const ngram of [1, 2, 3]) {
      const drafter = new NgramDrafter(PROMPTS, ngram);
      expect(answered(3, { drafter, tokens: 6 }).tokens).toEqual(plain.tokens);
    }
  });
});

describe('prompt lookup', () => {
  const drafted = (tokens: number[], ngram: number, most = 3) => {
    const lookup = new PromptLookup(ngram);
    for (const token of tokens) lookup.append([token]);
    return lookup.draft(most);
  };

  test('drafts what followed the last place of the last tokens', () => {
    expect(drafted([1, 2, 8, 1, 2, 9, 7, 6, 1, 2], 2)).toEqual([9, 7, 6]);
    expect(drafted([1, 2, 8, 1, 2, 9, 7, 6, 1, 2], 2, 1)).toEqual([9]);
    expect(drafted([5, 5, 5], 1)).toEqual([5]);
  });

  test('drafts nothing where they are new, or fewer than asked for', () => {
    expect(drafted([1, 2, 3, 4], 2)).toEqual([]);
    expect(drafted([1], 2)).toEqual([]);
    expect(drafted([], 1)).toEqual([]);
  });
});

test('a draft is accepted up to the first token that the model would not have chosen', () => {
  expect(acceptedTokens([4, 5, 6], [4, 5, 6, 7])).toBe(3);
  expect(acceptedTokens([4, 5, 6], [4, 9, 6, 7])).toBe(1);
  expect(acceptedTokens([4], [3, 4])).toBe(0);
  expect(acceptedTokens([], [3])).toBe(0);
  expect(firstDifference([1, 2, 3], [1, 2, 3])).toBeNull();
  expect(firstDifference([1, 2, 3], [1, 5, 3])).toBe(1);
  expect(firstDifference([1, 2], [1, 2, 3])).toBe(2);
});

describe('prompts are cut out of a text', () => {
  const text = Int32Array.from({ length: 100 }, (_, i) => i);

  test('each from its own place, that of a number being the same however many there are', () => {
    const cut = (parallel: number) =>
      cutPrompts(text, null, { promptTokens: 10, sharedTokens: 0, parallel }) as Int32Array[];
    expect(cut(4).slice(0, 2)).toEqual(cut(2));
    expect(new Set(cut(8).map(([first]) => first)).size).toBe(8);
    for (const prompt of cut(8)) expect(prompt[9]! - prompt[0]!).toBe(9);
  });

  test('with a begin token and what all share, which count', () => {
    const prompts = cutPrompts(text, 777, { promptTokens: 10, sharedTokens: 4, parallel: 3 }) as Int32Array[];
    for (const prompt of prompts) {
      expect(prompt.length).toBe(10);
      expect([...prompt.subarray(0, 4)]).toEqual([777, 0, 1, 2]);
      expect(prompt[4]).toBeGreaterThanOrEqual(3);
    }
  });

  test('a text that is too short says how long it has to be', () => {
    expect(cutPrompts(text, 777, { promptTokens: 102, sharedTokens: 0, parallel: 1 })).toBe(101);
  });
});
