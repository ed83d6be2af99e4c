import type { Tokenizer } from '../../core/serving/tokenizer.js';
import { BLOCK_TOKENS, readTrace, type TracedUnit, type TraceFormat } from '../../core/serving/trace.js';
import type { PlannedRequest } from '../endpoint.js';
import { TextMaker } from './text.js';

interface TraceOptions {
  /** Another salt gives other words of the same lengths, with the same shared prefixes. */
  readonly salt: string;
  /** Tokens that a server puts before a text, which the trace counts, too. Left out = none. */
  readonly beginTokens?: number;
  /** Requests that are read at most. */
  readonly most: number;
}

/**
 * Reads a trace and makes texts of the lengths in it.
 * @returns requests in the order of their times, with the turns of a session together, or a sentence that
 *   names the first wrong line.
 */
export function traceRequests(
  text: string,
  format: TraceFormat,
  options: TraceOptions,
  tokenizer: Tokenizer | null,
): PlannedRequest[] | string {
  const units = readTrace(text, format, options.most);
  return typeof units === 'string' ? units : planned(units, options, new TextMaker(tokenizer));
}

function planned(
  units: readonly TracedUnit[],
  { salt, beginTokens = 0 }: TraceOptions,
  maker: TextMaker,
): PlannedRequest[] {
  const blocks = new Map<number, string[]>();
  const block = (id: number): readonly string[] => {
    const words = blocks.get(id) ?? maker.words(BLOCK_TOKENS, `${salt} block ${id}`);
    blocks.set(id, words);
    return words;
  };
  let made = 0;
  return units.flatMap(({ session: conversation, turns }) =>
    turns.map((one, turn): PlannedRequest => {
      const key = `${salt} request ${made++}`;
      const { blocks: own, promptTokens, outputTokens, thinkSeconds, atSeconds } = one;
      const follows = turn > 0 && own.length === 0;
      const length = Math.max(1, promptTokens - (follows ? 0 : beginTokens));
      const words = own.length > 0 ? own.flatMap(block) : maker.words(length, key);
      const { text, tokens } = maker.textOf(words, length, key);
      const place = { conversation, turn, follows, thinkSeconds, atSeconds };
      return { prompt: text, promptTokens: tokens, wantedTokens: outputTokens, ...place };
    }),
  );
}
