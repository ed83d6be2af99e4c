import { letterOf } from './order.js';

/**
 * A passage of at most so many words, in which no bracketed letter or number could be taken for the name of
 * one.
 */
export function cutPassage(text: string, words: number): string {
  const cut = text.trim().split(/\s+/).slice(0, words).join(' ');
  return cut.replaceAll(/\[([A-Z]|\d+)\]/g, '($1)');
}

/** A document as rank_llm shows it, where it has a title. */
export const shown = ({ title, text }: { readonly title: string; readonly text: string }): string =>
  title === '' ? text : `Title: ${title} Content: ${text}`;

/**
 * The prompt of FIRST (Reddy et al., "FIRST: Faster Improved Listwise Reranking with Single Token Decoding",
 * 2024, and its code).
 * @param passages as they are to be read.
 */
export function listwisePrompt(query: string, passages: readonly string[]): string {
  const n = passages.length;
  const listed = passages.map((passage, i) => `[${letterOf(i)}] ${passage}\n`).join('');
  return (
    `I will provide you with ${n} passages, each indicated by a alphabetical identifier []. Rank the passages based on their relevance to the search query: ${query}.\n\n` +
    `${listed}Search Query: ${query}.\n` +
    `Rank the ${n} passages above based on their relevance to the search query. All the passages should be included and listed using identifiers, in descending order of relevance. The output format should be [] > [], e.g., [D] > [B], Only respond with the ranking results, do not say any word or explain.`
  );
}

/** Relevance generation (Liang et al., HELM, 2022): the score is by how much Yes is likelier than No. */
export const POINTWISE_PROMPT =
  'Passage: {document}\nQuery: {query}\nDoes the passage answer the query? Answer with Yes or No.';

/** Qin et al., "Large Language Models are Effective Text Rankers with Pairwise Ranking Prompting", 2023. */
export const PAIRWISE_PROMPT =
  'Given a query {query}, which of the following two passages is more relevant to the query?\n\nPassage A: {a}\n\nPassage B: {b}\n\nOutput A or B:';

/** Puts texts in, as they are: braces inside them mean nothing. */
export function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (place, name: string) =>
    Object.hasOwn(values, name) ? values[name]! : place,
  );
}
