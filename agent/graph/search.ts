import { Bm25 } from '../../core/ranking/bm25.js';
import type { GraphDocument } from './files.js';

/** Finds documents by words. */
export interface Search {
  /** @returns the best that share a word with the query, best first. */
  search(query: string, top: number): readonly GraphDocument[];
}

/** As Anserini searches. */
const SETTINGS = { k1: 0.9, b: 0.4 };

/** @returns a search in documents, by titles and texts. */
export function searchIn(documents: readonly GraphDocument[]): Search {
  const texts = documents.map(({ title, text }, i) => ({ id: String(i), text: `${title} ${text}` }));
  const index = new Bm25(texts, SETTINGS);
  return { search: (query, top) => index.search(query, top).map(({ id }) => documents[Number(id)]!) };
}
