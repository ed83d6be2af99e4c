import type { Size } from './size.js';

/**
 * What this repository may grow to. Somebody new has to be able to hold it, so there is room for a new variant or two, and what raises a
 * number says in its commit what that is worth.
 */
export const BUDGETS = {
  /** Lines of code outside tests, benches and generated files. */
  code: 177_000,
  /** Of one room. */
  room: 28_000,
  tests: 79_400,
  benches: 20_200,
  schemas: 9_400,
  /** Of documentation, generated pages and tables left out. */
  words: 45_000,
  functionLines: 80,
  longFunctions: 4,
} as const;

/** One budget beside what there is. */
export interface Budgeted {
  readonly claim: string;
  readonly measured: number;
  readonly required: number;
  readonly holds: boolean;
}

/** @param longFunctions how many functions are longer than `BUDGETS.functionLines`. */
export function overBudget(size: Size, longFunctions: number): Budgeted[] {
  const rooms = [...size.rooms];
  const [largest, most] = rooms.reduce((one, other) => (other[1] > one[1] ? other : one));
  const of = (claim: string, measured: number, required: number): Budgeted => ({
    claim,
    measured,
    required,
    holds: measured <= required,
  });
  return [
    of(
      'lines of code',
      rooms.reduce((sum, [, lines]) => sum + lines, 0),
      BUDGETS.code,
    ),
    of(`lines of the largest room, ${largest}/`, most, BUDGETS.room),
    of('lines of tests', size.tests, BUDGETS.tests),
    of('lines of benches', size.benches, BUDGETS.benches),
    of('lines of schemas', size.schemas, BUDGETS.schemas),
    of('words of documentation', size.words, BUDGETS.words),
    of(`functions of more than ${BUDGETS.functionLines} lines`, longFunctions, BUDGETS.longFunctions),
  ];
}
