import { integer, real, type SettingValues } from '../../spelling.js';
import type { Method } from './method.js';

/** Columns that are pruned before the weights right of them are updated, as published. */
const BLOCK_COLUMNS = 128;
/** Share of the mean diagonal of H that is added to it, as published. */
export const DAMPING = 0.01;

export interface SparseGpt {
  readonly kind: 'sparsegpt';
  /** Columns pruned before the rest is updated; default 128. */
  readonly blockColumns?: number;
  /** Share of the mean diagonal added to the Hessian; default 0.01. */
  readonly damping?: number;
}

export const DAMPENING = {
  dampening: real(0, 1000, DAMPING, 'Share of the mean diagonal that is added to the Hessian (`percdamp`).'),
} as const;

const OWN = {
  blockColumns: integer(
    1,
    65_536,
    BLOCK_COLUMNS,
    'Columns that are pruned before the weights right of them are updated (`blocksize`).',
  ),
  ...DAMPENING,
} as const;

/** What removing a weight costs decides, and weights that are kept make up for it (arXiv 2301.00774). */
export const sparsegpt = {
  name: 'sparsegpt',
  aliases: ['obs'],
  kind: 'sparsegpt',
  own: OWN,
  calibrates: 'always',
  fromSettings: ({ blockColumns, dampening }: SettingValues<typeof OWN>): SparseGpt => ({
    kind: 'sparsegpt',
    blockColumns,
    damping: dampening,
  }),
  needs: () => ['hessian'],
  nameOf: () => 'sparsegpt',
  firstMask: (method) => method,
  problem({ damping, blockColumns: block = BLOCK_COLUMNS }, pattern) {
    const wrong = wrongDamping(damping);
    if (wrong !== null) return wrong;
    if (!Number.isInteger(block) || block < 1) return `blockColumns ${block} is not a count of columns`;
    return pattern.kind === 'grouped' && block % pattern.group !== 0
      ? `blockColumns ${block} would cut groups of ${pattern.group}: make it a multiple`
      : null;
  },
  choose({ weights, hessian }, { damping = DAMPING, blockColumns = BLOCK_COLUMNS }, pattern, engine) {
    const factor = engine.inverseFactor(hessian!, damping);
    const pruned = engine.sparseGpt(weights, factor, pattern, blockColumns);
    return { ...pruned, exchange: null, refinement: null };
  },
} as const satisfies Method<SparseGpt>;

export function wrongDamping(damping: number = DAMPING): string | null {
  return damping >= 0 && Number.isFinite(damping) ? null : `damping ${damping} is not 0 or more`;
}
