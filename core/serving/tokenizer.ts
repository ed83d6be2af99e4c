/** A message of a chat. */
export interface Message {
  readonly role: string;
  readonly content: string;
}

/** How a model's chats become prompts. */
export interface ChatTemplate {
  /** Of the template's text. */
  readonly digest: string;
  /**
   * @returns the text of a prompt with these messages, to which the model is to answer; where the last one is
   *   the assistant's, it is begun and left open, and the model goes on with it.
   * @throws Error of a template that refuses them; FailureError of one that takes too long.
   */
  render(messages: readonly Message[]): string;
  /**
   * @returns the text of a chat to which nothing is to be answered: its last message is closed.
   * @throws as `render`.
   */
  written(messages: readonly Message[]): string;
  /**
   * @returns tokens of such a text: words of special tokens are these tokens, and one that begins it is not
   *   put before it again.
   */
  tokens(text: string): Int32Array;
  /** @returns how many tokens a prompt with these messages has. @throws as `render`. */
  promptTokens(messages: readonly Message[]): number;
  /**
   * @param begun how the answer begins. @returns the tokens of that prompt. @throws as `promptTokens` does.
   */
  prompt(messages: readonly Message[], begun?: string): Int32Array;
}

/** The client's own tokenizer: what it counts does not depend on which server answered. */
export interface Tokenizer {
  readonly name: string;
  /** Of what it was made of. */
  readonly digest: string;
  /** The vocabulary's own token that prompts get before their first; null = none. */
  readonly beginToken: number | null;
  /** Tokens it knows. */
  readonly size: number;
  /** The model's own; null = it has none, or none that can be read here. */
  readonly chat: ChatTemplate | null;
  /** @returns tokens, without one for the beginning; words like `<s>` are read as plain text. */
  tokenize(text: string): Int32Array;
  detokenize(tokens: Int32Array): string;
}
