/** How a simulated server reports log-probabilities. */
export const TELLS = {
  echo: 'of each token of a prompt, where `echo` asks for it',
  next: 'of the next token at /completion, and `echo` is ignored, as by llama-server',
  few: 'of too few tokens of a prompt',
  same: 'the same of all tokens',
  nothing: 'none',
} as const;
export type TellsName = keyof typeof TELLS;

type Fields = Readonly<Record<string, unknown>>;
type Token = string | number;

/**
 * @returns the tokens of a prompt: its ids if it has them, or else its words, each with the blank before it.
 */
export function tokensOf({ prompt, messages }: Fields): readonly Token[] {
  if (Array.isArray(prompt) && typeof prompt[0] === 'number') return prompt as number[];
  const texts = Array.isArray(messages) ? messages.map((message) => message?.content) : [prompt];
  return texts.join(' ').match(/\s*\S+/g) ?? [];
}

/** Log-probability of a token in nats. It does not depend on the context; longer words are less likely. */
export function logProbabilityOf(token: Token): number {
  return typeof token === 'number' ? -1 - (token % 7) : -token.trim().length;
}

/**
 * @returns `logprobs` of a completion: of its answer and, if requested and supported, of its prompt; null =
 *   not requested, or not supported.
 */
export function logProbabilities(asked: Fields, answer: string, tells: TellsName) {
  if (typeof asked.logprobs !== 'number' || tells === 'nothing') return null;
  const prompt = asked.echo === true && tells !== 'next' ? tokensOf(asked) : [];
  const tokens = [...prompt, ...tokensOf({ prompt: answer })].slice(0, tells === 'few' ? 3 : undefined);
  let at = 0;
  return {
    tokens: tokens.map(String),
    token_logprobs: tokens.map((token, i) => {
      if (i === 0 && prompt.length > 0) return null;
      return tells === 'same' ? -1 : logProbabilityOf(token);
    }),
    text_offset: tokens.map((token) => {
      const begin = at;
      at += String(token).length;
      return begin;
    }),
  };
}

/** @returns what llama-server's own `/completion` reports about the next token. */
export function nextToken({ n_probs: count }: Fields) {
  const ids = Array.from({ length: typeof count === 'number' ? count : 0 }, (_, id) => id);
  const top = ids.map((id) => ({ id, logprob: logProbabilityOf(id) }));
  return { content: '', completion_probabilities: [{ id: 0, top_logprobs: top }] };
}
