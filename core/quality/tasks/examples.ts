import { PythonRandom } from '../../../statistics/python-random.js';

/**
 * Chooses what is shown before an item.
 * @returns so many of the pool, the item itself never; fewer where there are no more.
 */
export type Pick<T> = (item: T) => readonly T[];

/** The first of the pool. @param same whether two are one. */
export function firstOf<T>(pool: readonly T[], count: number, same: (a: T, b: T) => boolean): Pick<T> {
  return (item) => pool.filter((one) => !same(one, item)).slice(0, count);
}

/**
 * Draws anew for each item, in the order in which they are asked, as lm-evaluation-harness does: one more is
 * drawn where the item itself may be in the pool, and again from the others where copies of it were drawn.
 */
export function drawn<T>(
  pool: readonly T[],
  count: number,
  same: ((a: T, b: T) => boolean) | null,
  seed: number,
): Pick<T> {
  const random = new PythonRandom(seed);
  return (item) => {
    if (same === null) return random.sample(pool, Math.min(count, pool.length));
    const found = random
      .sample(pool, Math.min(count + 1, pool.length))
      .filter((one) => !same(one, item))
      .slice(0, count);
    if (found.length === count) return found;
    const others = pool.filter((one) => !same(one, item));
    return random.sample(others, Math.min(count, others.length));
  };
}

/** A vector by the words or numbers that it has. */
type Sparse = ReadonlyMap<string | number, number>;

/**
 * Those whose vector has the largest cosine with the item's; of equals the first. The nearest stands last,
 * next to the question.
 * @param vectorOf an embedding of each; null = of the words of `textOf` (TF-IDF: 1 + ln tf times ln (1 + n /
 *   df)).
 */
export function nearest<T>(
  pool: readonly T[],
  count: number,
  same: (a: T, b: T) => boolean,
  textOf: (one: T) => string,
  vectorOf: ((one: T) => readonly number[] | null) | null,
): Pick<T> {
  const vector = vectorOf === null ? lexical(pool.map(textOf), textOf) : dense(vectorOf);
  const vectors = pool.map(vector);
  return (item) => {
    const own = vector(item);
    return pool
      .map((one, i) => ({ one, alike: cosine(own, vectors[i]!) }))
      .filter(({ one }) => !same(one, item))
      .sort((a, b) => b.alike - a.alike)
      .slice(0, count)
      .map(({ one }) => one)
      .reverse();
  };
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

function lexical<T>(texts: readonly string[], textOf: (one: T) => string): (one: T) => Sparse {
  const having = new Map<string, number>();
  for (const text of texts)
    for (const word of new Set(wordsOf(text))) having.set(word, (having.get(word) ?? 0) + 1);
  return (one) => {
    const counts = new Map<string, number>();
    for (const word of wordsOf(textOf(one))) counts.set(word, (counts.get(word) ?? 0) + 1);
    return new Map(
      [...counts].map(([word, count]) => {
        const rarity = Math.log(1 + texts.length / (having.get(word) ?? 1));
        return [word, (1 + Math.log(count)) * rarity];
      }),
    );
  };
}

function dense<T>(vectorOf: (one: T) => readonly number[] | null): (one: T) => Sparse {
  return (one) => new Map((vectorOf(one) ?? []).map((value, i) => [i, value]));
}

function cosine(a: Sparse, b: Sparse): number {
  const norm = (vector: Sparse) =>
    Math.sqrt([...vector.values()].reduce((sum, value) => sum + value ** 2, 0));
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  let product = 0;
  for (const [key, value] of small) product += value * (large.get(key) ?? 0);
  return product === 0 ? 0 : product / (norm(a) * norm(b));
}
