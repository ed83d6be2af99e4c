import type { Way } from '../../../core/ranking/definition.js';
import { byScore } from '../../../core/ranking/order.js';
import {
  cutPassage,
  filled,
  PAIRWISE_PROMPT,
  POINTWISE_PROMPT,
  shown,
} from '../../../core/ranking/prompts.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { forkOf, type PromptReader } from './prompt-reader.js';
import { fitted, NO_FACTS, type Reranked, type Reranker } from './reranker.js';

type Pointwise = Extract<Way, { by: 'pointwise' }>;
type Pairwise = Extract<Way, { by: 'pairwise' }>;

/** Adds up what questions with two answers take. */
class Questions {
  readonly #reader: PromptReader;
  readonly #way: Pointwise | Pairwise;
  readonly #answers: readonly [string, string];
  readonly #began = monotonicSeconds();
  #first: number | null = null;
  #tokensIn = 0;
  #asked = 0;
  #cut = 0;
  #named = 0;

  constructor(reader: PromptReader, way: Pointwise | Pairwise, answers: readonly [string, string]) {
    this.#reader = reader;
    this.#way = way;
    this.#answers = answers;
  }

  /**
   * @param prompt of passages of so many words.
   * @returns ln of how much likelier the first answer is than the second.
   */
  async ask(prompt: (words: number) => string): Promise<number> {
    const { chat, passageWords } = this.#way;
    let either: readonly [number, number] = [0, 0];
    const { prompt: tokens, cut } = fitted(this.#reader, passageWords, 1, (words) => {
      const fork = forkOf(this.#reader, prompt(words), chat, this.#answers);
      either = fork.either;
      return fork.prompt;
    });
    const next = await this.#reader.next(tokens);
    const [a, b] = [next(either[0]), next(either[1])];
    this.#first ??= monotonicSeconds() - this.#began;
    this.#tokensIn += tokens.length;
    this.#asked += 1;
    this.#cut += cut ? 1 : 0;
    this.#named += Math.exp(a) + Math.exp(b);
    // A server tells neither of two that are unlikely.
    return a === b ? 0 : a - b;
  }

  get spent(): Pick<Reranked, 'tokensIn' | 'tokensOut' | 'secondsToFirst' | 'facts' | 'said'> {
    const anyName = this.#asked === 0 ? null : Math.min(1, this.#named / this.#asked);
    return {
      tokensIn: this.#tokensIn,
      tokensOut: this.#asked,
      secondsToFirst: this.#first,
      said: null,
      facts: { ...NO_FACTS, asked: this.#asked, anyName, cut: this.#cut },
    };
  }
}

/** Each document by how much likelier Yes is than No. */
export function pointwise(reader: PromptReader, way: Pointwise): Reranker {
  return {
    by: reader.by,
    async rank({ text: query }, candidates) {
      const questions = new Questions(reader, way, ['Yes', 'No']);
      const scores: number[] = [];
      for (const { document } of candidates.slice(0, way.depth ?? undefined)) {
        const passage = shown(document);
        const template = way.prompt ?? POINTWISE_PROMPT;
        scores.push(
          await questions.ask((words) => filled(template, { query, document: cutPassage(passage, words) })),
        );
      }
      const finite = scores.map((score) => Math.max(-1e6, Math.min(1e6, score)));
      const order = byScore(finite);
      return { order, scores: order.map((at) => finite[at]!), ...questions.spent };
    },
  };
}

/**
 * Every pair in both orders: one that wins in both gets the point, otherwise each gets a half (PRP-Allpair).
 */
export function pairwise(reader: PromptReader, way: Pairwise): Reranker {
  return {
    by: reader.by,
    async rank({ text: query }, candidates) {
      const questions = new Questions(reader, way, ['A', 'B']);
      const passages = candidates.slice(0, way.depth ?? undefined).map(({ document }) => shown(document));
      const points = passages.map(() => 0);
      const firstWins = async (a: number, b: number) => {
        const margin = await questions.ask((words) =>
          filled(way.prompt ?? PAIRWISE_PROMPT, {
            query,
            a: cutPassage(passages[a]!, words),
            b: cutPassage(passages[b]!, words),
          }),
        );
        return margin > 0;
      };
      for (let a = 0; a < passages.length; a++) {
        for (let b = a + 1; b < passages.length; b++) {
          const wins = [await firstWins(a, b), !(await firstWins(b, a))].filter((won) => won).length;
          points[a]! += wins / 2;
          points[b]! += 1 - wins / 2;
        }
      }
      const order = byScore(points);
      return { order, scores: null, ...questions.spent };
    },
  };
}
