import { type Document, searched } from '../../../core/ranking/data.js';
import type { Way } from '../../../core/ranking/definition.js';
import { byScore } from '../../../core/ranking/order.js';
import { filled } from '../../../core/ranking/prompts.js';
import { dot, normalize } from '../../../core/ranking/vectors.js';
import type { Embedder, EmbedderInput } from '../../../engines/runners/opened.js';
import type { Watch } from '../watch.js';
import { NO_FACTS, type Reranker, UNSAID } from './reranker.js';

export type EmbeddingWords = Pick<
  Extract<Way, { by: 'embeddings' }>,
  'normalize' | 'queryPrefix' | 'documentPrefix'
>;

/**
 * Texts that are made into vectors together: the engine packs them, and the agent hears of a stop between
 * them.
 */
const TOGETHER = 64;

/** What a vector took. */
interface Embedded {
  readonly vector: Float32Array;
  readonly tokens: number;
  readonly cut: boolean;
}

export function embedQuery(
  model: Embedder,
  { queryPrefix, normalize: unit }: EmbeddingWords,
  text: string,
): Embedded {
  const input = model.cut(`${queryPrefix}${text}`);
  const [vector] = model.embed([input]);
  return { vector: unit ? normalize(vector!) : vector!, tokens: input.tokens.length, cut: input.cut };
}

const byLength = (inputs: readonly EmbedderInput[]) =>
  inputs.map((_, i) => i).sort((a, b) => inputs[a]!.tokens.length - inputs[b]!.tokens.length);

/** @returns a vector of each document, one after the other; and how many texts were cut. */
export async function embedDocuments(
  model: Embedder,
  settings: EmbeddingWords,
  documents: readonly Document[],
  watch: Watch,
): Promise<{ readonly values: Float32Array; readonly cut: number }> {
  const values = new Float32Array(documents.length * model.width);
  // Of like lengths together: a batch is as wide as its longest text where an engine fills up.
  const inputs = documents.map((document) => model.cut(`${settings.documentPrefix}${searched(document)}`));
  const order = byLength(inputs);
  for (let from = 0; from < order.length; from += TOGETHER) {
    const places = order.slice(from, from + TOGETHER);
    const vectors = model.embed(places.map((at) => inputs[at]!));
    for (const [i, vector] of vectors.entries())
      values.set(settings.normalize ? normalize(vector) : vector, places[i]! * model.width);
    const done = from + places.length;
    watch.progress({ what: 'vectors of documents', done, total: order.length, value: null });
    await watch.checkStop();
  }
  return { values, cut: inputs.filter(({ cut }) => cut).length };
}

/**
 * Documents by the product of their vectors with the query's. Those of documents are made beforehand: a
 * query's time is that of its own vector and of the comparison.
 * @param documents every candidate of every query.
 */
export async function byVectors(
  model: Embedder,
  way: Extract<Way, { by: 'embeddings' }>,
  documents: readonly Document[],
  watch: Watch,
): Promise<Reranker> {
  const { values } = await embedDocuments(model, way, documents, watch);
  const places = new Map(documents.map(({ id }, i) => [id, i]));
  return {
    by: 'vectors',
    async rank({ text }, candidates) {
      const { vector, tokens, cut } = embedQuery(model, way, text);
      const scores = candidates
        .slice(0, way.depth ?? undefined)
        .map(({ document }) => dot(vector, values, places.get(document.id)! * model.width, model.width));
      const order = byScore(scores);
      return {
        order,
        scores: order.map((at) => scores[at]!),
        tokensIn: tokens,
        ...UNSAID,
        facts: { ...NO_FACTS, asked: 1, cut: cut ? 1 : 0 },
      };
    },
  };
}

/** Documents by the number that a model's head gives for a query and each of them. */
export function byHead(model: Embedder, way: Extract<Way, { by: 'cross-encoder' }>): Reranker {
  return {
    by: 'vectors',
    async rank({ text: query }, candidates) {
      const inputs = candidates.slice(0, way.depth ?? undefined).map(({ document }): EmbedderInput => {
        const text = searched(document);
        return way.pair === undefined
          ? model.cut(query, text)
          : model.cut(filled(way.pair, { query, document: text }));
      });
      const order = byLength(inputs);
      const outputs = model.embed(order.map((at) => inputs[at]!));
      const scores = new Array<number>(inputs.length).fill(0);
      order.forEach((at, i) => {
        scores[at] = outputs[i]![0]!;
      });
      const best = byScore(scores);
      return {
        order: best,
        scores: best.map((at) => scores[at]!),
        tokensIn: inputs.reduce((sum, { tokens }) => sum + tokens.length, 0),
        ...UNSAID,
        facts: { ...NO_FACTS, asked: inputs.length, cut: inputs.filter(({ cut }) => cut).length },
      };
    },
  };
}
