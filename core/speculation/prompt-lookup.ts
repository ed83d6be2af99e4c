/**
 * N-gram drafts of one sequence (prompt lookup, as Saxena's prompt-lookup-decoding and llama.cpp's
 * ngram-simple): where its last n tokens stand earlier in the same sequence, what followed them is the draft.
 * Of several places the last one counts. Finding a place takes the same time however long the sequence is.
 */
export class PromptLookup {
  readonly #ngram: number;
  readonly #tokens: number[] = [];
  /** N-gram → where what followed it begins, of the last place that something followed. */
  readonly #places = new Map<string, number>();

  /** @param ngram tokens that have to agree. */
  constructor(ngram: number) {
    this.#ngram = ngram;
  }

  append(tokens: ArrayLike<number>): void {
    for (let i = 0; i < tokens.length; i++) {
      // The n-gram before this token is followed by something now.
      const length = this.#tokens.length;
      if (length >= this.#ngram) this.#places.set(this.#lastKey(), length);
      this.#tokens.push(tokens[i]!);
    }
  }

  /** @returns at most so many tokens; none where the last n tokens are new. */
  draft(most: number): number[] {
    if (this.#tokens.length < this.#ngram) return [];
    const place = this.#places.get(this.#lastKey());
    return place === undefined ? [] : this.#tokens.slice(place, place + most);
  }

  #lastKey(): string {
    return this.#tokens.slice(-this.#ngram).join(' ');
  }
}
