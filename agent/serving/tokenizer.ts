/** The client's own tokenizer: what it counts does not depend on which server answered. */
export interface Tokenizer {
  readonly name: string;
  /** Of what it was made of. */
  readonly digest: string;
  /** The vocabulary's own token that prompts get before their first; null = none. */
  readonly beginToken: number | null;
  /** Tokens it knows. */
  readonly size: number;
  /** @returns tokens, without one for the beginning; words like `<s>` are read as plain text. */
  tokenize(text: string): Int32Array;
  detokenize(tokens: Int32Array): string;
}
