// Generated from core/sweep/strategies.ts by `npm run generate` (scripts/write-strategies.ts).
import type { SearchStrategy } from '../../../core/sweep/strategies.js';
import type { Strategy } from '../../history.js';
import { grid } from '../grid.js';
import { lhs } from '../lhs.js';
import { nsga2 } from '../nsga2.js';
import { random } from '../random.js';
import { sobol } from '../sobol.js';
import { tpe } from '../tpe.js';

/** Every strategy by the word that a sweep names it with. */
export const STRATEGIES = {
  tpe,
  nsga2,
  sobol,
  lhs,
  random,
  grid,
} as const satisfies Record<SearchStrategy, Strategy>;
