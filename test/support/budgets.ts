import type { Size } from './size.js';

/**
 * What this repository may grow to. Somebody new has to be able to hold it: what raises a number says in its commit what it made
 * needless.
 */
export const BUDGETS = {
  /** Lines of code outside tests, benches and generated files. */
  code: 176_078,
  /** Of one room. */
  room: 27_591,
  tests: 78_759,
  benches: 19_853,
  schemas: 9_216,
  /** Of documentation, generated pages left out. */
  words: 45_225,
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
    ...{ claim, measured, required },
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
