import { kendallTau } from '../../statistics/agreement.js';
import { pearson, spearman } from '../../statistics/correlation.js';

/** What is known of one query: grades by document id; what is not judged is not relevant. */
export type Judgements = ReadonlyMap<string, number>;

/** A document with the score that put it where it is. */
export interface Ranked {
  readonly id: string;
  readonly score: number;
}

/**
 * `ndcg@10`, `recall@100`, `p@5`, `map`, `mrr`; without a cut the whole list counts. `kendall`, `spearman`
 * and `pearson` hold scores (order, for the first two) against grades.
 */
export const MEASURE = /^(?:(?:ndcg|recall|p|map|mrr)(?:@[1-9]\d{0,4})?|kendall|spearman|pearson)$/;

/**
 * The order that trec_eval reads a list in: by score, compared as single precision, and equal scores by
 * document id, descending (trec_eval's form_res_rels.c, `comp_sim_docno`), whatever order they were written
 * in.
 */
export function trecOrder(list: readonly Ranked[]): string[] {
  return list
    .map(({ id, score }) => ({ id, score: Math.fround(score) }))
    .sort((a, b) => b.score - a.score || descending(a.id, b.id))
    .map(({ id }) => id);
}

/** strcmp compares bytes of UTF-8, whose order is that of code points. */
function descending(a: string, b: string): number {
  const [x, y] = [[...a], [...b]];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const difference = y[i]!.codePointAt(0)! - x[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return y.length - x.length;
}

/** What orders are held against grades by; of documents that are judged, for the others have no grade. */
const CORRELATIONS = {
  /** Of ranks: equal scores are none here, for a list has an order. */
  kendall: (places: readonly number[], _: readonly number[], grades: readonly number[]) =>
    kendallTau(places, grades),
  spearman: (places: readonly number[], _: readonly number[], grades: readonly number[]) =>
    spearman(places, grades),
  pearson: (_: readonly number[], scores: readonly number[], grades: readonly number[]) =>
    pearson(scores, grades),
} as const;

/**
 * One measure of one query, as trec_eval computes it: gains are the grades themselves and discounts
 * log2(rank + 1) (m_ndcg_cut.c); a document counts as relevant from grade 1 on, and negative grades are 0.
 * @param list in any order. @param name see `MEASURE`.
 * @returns 0 where nothing is relevant; null for a correlation of what does not vary.
 * @throws Error for a measure that there is none of.
 */
export function measure(name: string, list: readonly Ranked[], judged: Judgements): number | null {
  const order = trecOrder(list);
  if (Object.hasOwn(CORRELATIONS, name)) {
    const scores = new Map(list.map(({ id, score }) => [id, score]));
    const known = order.filter((id) => judged.has(id));
    const correlation = CORRELATIONS[name as keyof typeof CORRELATIONS];
    return correlation(
      known.map((_, i) => -i),
      known.map((id) => scores.get(id)!),
      known.map((id) => judged.get(id)!),
    );
  }
  const [kind, cut] = name.split('@');
  const most = cut === undefined ? order.length : Number(cut);
  const grades = order.slice(0, most).map((id) => Math.max(0, judged.get(id) ?? 0));
  const relevant = [...judged.values()].filter((grade) => grade > 0).sort((a, b) => b - a);
  const hits = grades.filter((grade) => grade > 0).length;
  const share = (value: number, of: number) => (of === 0 ? 0 : value / of);
  if (kind === 'ndcg')
    return share(gain(grades), gain(relevant.slice(0, cut === undefined ? undefined : most)));
  if (kind === 'recall') return share(hits, relevant.length);
  if (kind === 'p') return share(hits, most);
  if (kind === 'mrr') {
    const first = grades.findIndex((grade) => grade > 0);
    return first < 0 ? 0 : 1 / (first + 1);
  }
  if (kind !== 'map') throw new Error(`there is no measure ${name}`);
  let [found, sum] = [0, 0];
  grades.forEach((grade, i) => {
    if (grade > 0) sum += ++found / (i + 1);
  });
  return share(sum, relevant.length);
}

const gain = (grades: readonly number[]) =>
  grades.reduce((sum, grade, i) => sum + grade / Math.log2(i + 2), 0);
