/**
 * The ways of choosing what a search measures next: the word that a sweep has for each, and what it does. The
 * first is taken where a sweep names none. All that knows the strategies is made of this list;
 * search/strategies/<word>.ts exports the one of that name.
 */
export const SEARCH_STRATEGIES = {
  tpe: 'tree-structured Parzen estimators for several objectives: values that good points have and others lack come first, and a share of the trials explores',
  nsga2: 'evolution: points like those on the front come next',
  sobol: 'Sobol’s sequence, a design that fills the space',
  lhs: 'Latin hypercubes, in which all values of an axis come equally often: each of as many points as `budget.trials`, or 64',
  random: 'at random: what every other has to beat',
  grid: 'all points in the order of the file',
} as const satisfies Readonly<Record<string, string>>;

export type SearchStrategy = keyof typeof SEARCH_STRATEGIES;

export const STRATEGY_NAMES = Object.keys(SEARCH_STRATEGIES) as [SearchStrategy, ...SearchStrategy[]];
