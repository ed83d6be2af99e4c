import { failed } from '../../../core/errors.js';
import type { Way } from '../../../core/ranking/definition.js';
import { byScore, LETTERS, readOrder, windowsFromBottom } from '../../../core/ranking/order.js';
import { cutPassage, listwisePrompt, shown } from '../../../core/ranking/prompts.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { kendallTau } from '../../../statistics/agreement.js';
import { mean } from '../../../statistics/summary.js';
import { type Letters, lettersOf, type Next, type PromptReader } from './prompt-reader.js';
import { type Candidate, fitted, type Reranker } from './reranker.js';

type Listwise = Extract<Way, { by: 'first-token' | 'generate' }>;

/** One list, put in order. */
interface Ordered {
  readonly order: readonly number[];
  readonly unnamed: number;
  readonly anyName: number | null;
  readonly firstTokenTau: number | null;
  readonly said: string | null;
  readonly tokensOut: number;
  readonly secondsToFirst: number | null;
}

/**
 * Lists in windows from the bottom: by the probabilities of the token that would name the best passage
 * (FIRST), or by the order that the model writes out. Both read the same prompts, which end in the bracket of
 * the first name.
 * @throws FailureError `impossible-combination` for a vocabulary without bare letters.
 */
export function listwise(reader: PromptReader, way: Listwise): Reranker {
  const letters = lettersOf(reader, way.chat, Math.min(way.window, LETTERS));
  if (typeof letters === 'string') {
    const hint = 'Use pointwise or pairwise.';
    throw failed('impossible-combination', `this model cannot rank lists: ${letters}`, hint);
  }
  return {
    by: way.by === 'generate' && reader.by !== 'logits' ? 'saying' : reader.by,
    async rank(query, candidates) {
      const order = candidates.map((_, i) => i).slice(0, way.depth ?? undefined);
      const step = way.step ?? Math.floor(way.window / 2);
      const lists: Ordered[] = [];
      let [tokensIn, cut, first] = [0, 0, null as number | null];
      const began = monotonicSeconds();
      for (const { from, to } of windowsFromBottom(order.length, way.window, step)) {
        const places = order.slice(from, to);
        const listed = places.map((at) => candidates[at]!);
        const { prompt, cut: shortened } = promptOf(reader, way, letters, query.text, listed);
        const list = await put(reader, way, letters, prompt, places.length);
        if (lists.length === 0)
          first = way.by === 'first-token' ? monotonicSeconds() - began : list.secondsToFirst;
        order.splice(from, places.length, ...list.order.map((at) => places[at]!));
        tokensIn += prompt.length;
        cut += shortened ? 1 : 0;
        lists.push(list);
      }
      const said = lists.flatMap(({ said: text }) => text ?? []);
      return {
        order,
        scores: null,
        said: way.by === 'generate' ? said.join('\n') : null,
        tokensIn,
        tokensOut: lists.reduce((sum, { tokensOut }) => sum + tokensOut, 0),
        secondsToFirst: first,
        facts: {
          asked: lists.length,
          unnamed: way.by === 'generate' ? meanOf(lists.map(({ unnamed }) => unnamed)) : null,
          anyName: meanOf(lists.map(({ anyName }) => anyName)),
          firstTokenTau: meanOf(lists.map(({ firstTokenTau }) => firstTokenTau)),
          cut,
        },
      };
    },
  };
}

function promptOf(
  reader: PromptReader,
  { passageWords, chat, by }: Listwise,
  letters: Letters,
  query: string,
  listed: readonly Candidate[],
) {
  const answer = by === 'generate' ? letters.answerTokens(listed.length) : 1;
  return fitted(reader, passageWords, answer, (words) => {
    const passages = listed.map(({ document }) => cutPassage(shown(document), words));
    return reader.tokens(listwisePrompt(query, passages), chat, '[');
  });
}

async function put(
  reader: PromptReader,
  { by }: Listwise,
  letters: Letters,
  prompt: Int32Array,
  length: number,
): Promise<Ordered> {
  const likelihoods = (next: Next) => letters.tokens.slice(0, length).map(next);
  if (by === 'first-token') {
    const values = likelihoods(await reader.next(prompt));
    const named = { unnamed: 0, anyName: sumOf(values), firstTokenTau: null };
    return { order: byScore(values), ...named, said: null, tokensOut: 1, secondsToFirst: null };
  }
  const { text, tokens, next, secondsToFirst } = await reader.write(prompt, letters.answerTokens(length));
  const { order, named } = readOrder(`[${text}`, length);
  const values = next === null ? null : likelihoods(next);
  return {
    order,
    unnamed: 1 - named / length,
    anyName: values === null ? null : sumOf(values),
    firstTokenTau: values === null ? null : kendallTau(placesOf(order), placesOf(byScore(values))),
    said: `[${text}`,
    tokensOut: tokens,
    secondsToFirst,
  };
}

/** @returns by index, at which place of an order it stands. */
function placesOf(order: readonly number[]): number[] {
  const places = new Array<number>(order.length);
  order.forEach((index, place) => {
    places[index] = place;
  });
  return places;
}

const sumOf = (logProbabilities: readonly number[]) =>
  Math.min(
    1,
    logProbabilities.reduce((sum, value) => sum + Math.exp(value), 0),
  );

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : mean(known);
}
