import { PromptLookup } from '../../../core/speculation/prompt-lookup.js';
import type { Drafter, SequenceModel } from './loop.js';

/** Drafts what followed the last tokens of a sequence where these stood before. */
export class NgramDrafter implements Drafter {
  readonly #lookups: readonly PromptLookup[];

  /** @param prompts what each sequence begins with. */
  constructor(prompts: readonly Int32Array[], ngram: number) {
    this.#lookups = prompts.map((prompt) => {
      const lookup = new PromptLookup(ngram);
      lookup.append(prompt);
      return lookup;
    });
  }

  draft(added: readonly (readonly number[])[], most: readonly number[]): number[][] {
    return this.#lookups.map((lookup, s) => {
      lookup.append(added[s]!);
      return most[s] === 0 ? [] : lookup.draft(most[s]!);
    });
  }
}

/** Drafts what a smaller model would choose, token by token, all sequences in one batch. */
export class ModelDrafter implements Drafter {
  readonly #model: SequenceModel;
  readonly #probability: number;
  /** Tokens of each sequence that are certain: the prompt and what was accepted. */
  readonly #certain: number[];
  /** Of these, those that the cache of the draft model lacks. */
  readonly #unread: number[][];

  /**
   * @param model whose cache holds the prompts.
   * @param probability a draft ends before a token that has less.
   */
  constructor(model: SequenceModel, sequences: number, probability: number) {
    this.#model = model;
    this.#probability = probability;
    this.#certain = Array.from({ length: sequences }, (_, s) => model.length(s));
    this.#unread = this.#certain.map(() => []);
  }

  draft(added: readonly (readonly number[])[], most: readonly number[]): number[][] {
    const model = this.#model;
    for (const [s, tokens] of added.entries()) this.#take(s, tokens);
    const drafts = added.map((): number[] => []);
    let rows = added.map((_, s) => (most[s] === 0 ? [] : this.#unread[s]!));
    for (const [s, row] of rows.entries()) if (row.length > 0) this.#unread[s] = [];
    const look = this.#probability > 0 ? 'probability' : 'choice';
    while (rows.some(({ length }) => length > 0)) {
      const { tokens, figures } = model.extend(rows, look);
      let at = -1;
      rows = rows.map((row, s) => {
        at += row.length;
        if (row.length === 0 || (look === 'probability' && figures[at]! < this.#probability)) return [];
        const token = tokens[at]!;
        drafts[s]!.push(token);
        return drafts[s]!.length < most[s]! ? [token] : [];
      });
    }
    return drafts;
  }

  /**
   * Counts in what a sequence really went on with. Of its last draft the cache keeps what was accepted: all
   * added tokens but the last are drafted ones, and the last drafted token was never read.
   */
  #take(s: number, tokens: readonly number[]): void {
    if (tokens.length === 0) return;
    const certain = this.#certain[s]! + tokens.length;
    const held = this.#model.length(s);
    const unread = this.#unread[s]!;
    // What stands behind the last accepted token is of a draft that was rejected.
    const right = Math.min(held, certain - 1);
    if (right < held && unread.length === 0) this.#model.cut(s, right);
    const lacking = certain - unread.length - this.#model.length(s);
    this.#unread[s] = [...unread, ...tokens.slice(tokens.length - lacking)];
    this.#certain[s] = certain;
  }
}
