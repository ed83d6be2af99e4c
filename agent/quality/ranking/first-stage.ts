import { Bm25 } from '../../../core/ranking/bm25.js';
import { type Query, searched } from '../../../core/ranking/data.js';
import { type Ranked, trecOrder } from '../../../core/ranking/measures.js';
import type { RankingTask } from '../../../core/ranking/task.js';
import { Vectors } from '../../../core/ranking/vectors.js';
import type { Embedder } from '../../../engines/runners/opened.js';
import type { Watch } from '../watch.js';
import type { RankingData } from './data.js';
import { embedDocuments, embedQuery } from './vectors.js';

/** Finds the documents that a reranker looks at. */
export interface FirstStage {
  /** Best first; those that a query excludes are not among them. */
  find(query: Query): { readonly list: readonly Ranked[]; readonly tokens: number };
}

/** @param embedder opens the model that finds them, where one does. */
export async function firstStage(
  { spec: { candidates } }: Pick<RankingTask, 'spec'>,
  { documents, run }: RankingData,
  embedder: (pooling: 'model' | 'mean' | 'cls' | 'last') => Promise<Embedder>,
  watch: Watch,
): Promise<FirstStage> {
  const leavingOut =
    (
      search: (query: Query, top: number) => Ranked[],
      top: number,
      tokens = (_: Query) => 0,
    ): FirstStage['find'] =>
    (query) => ({
      list: search(query, top + query.excluded.size)
        .filter(({ id }) => !query.excluded.has(id))
        .slice(0, top),
      tokens: tokens(query),
    });
  if (candidates.from === 'all') {
    const all = [...documents.keys()];
    return { find: leavingOut(() => all.map((id, i) => ({ id, score: all.length - i })), all.length) };
  }
  const { top } = candidates;
  if (candidates.from === 'run') {
    return {
      find: leavingOut(({ id: query }) => {
        const list = [...run!.judgementsOf(query)].map(([id, score]) => ({ id, score }));
        const scores = new Map(list.map(({ id, score }) => [id, score]));
        return trecOrder(list).map((id) => ({ id, score: scores.get(id)! }));
      }, top),
    };
  }
  if (candidates.from === 'bm25') {
    function* texts() {
      for (const document of documents.values()) yield { id: document.id, text: searched(document) };
    }
    const index = new Bm25(texts(), candidates);
    return { find: leavingOut(({ text }, most) => index.search(text, most), top) };
  }
  const model = await embedder(candidates.pooling);
  const all = [...documents.values()];
  const { values } = await embedDocuments(model, candidates, all, watch);
  const vectors = new Vectors(
    all.map(({ id }) => id),
    values,
    model.width,
  );
  return {
    find(query) {
      const { vector, tokens } = embedQuery(model, candidates, query.text);
      return { ...leavingOut((_, most) => vectors.search(vector, most), top)(query), tokens };
    },
  };
}
