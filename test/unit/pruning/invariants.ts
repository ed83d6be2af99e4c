import type { Mask } from '../../../core/techniques/pruning/mask.js';
import type { Pattern } from '../../../core/techniques/pruning/pattern.js';
import { isPruned } from '../../support/pruning/mask.js';

/** @returns whether every group of every row has exactly its share pruned; true for unstructured patterns. */
export function isKeptOnGroups(mask: Mask, pattern: Pattern): boolean {
  if (pattern.kind === 'unstructured') return true;
  for (let row = 0; row < mask.rows; row++) {
    for (let start = 0; start < mask.columns; start += pattern.group) {
      let count = 0;
      for (let j = start; j < start + pattern.group; j++) if (isPruned(mask, row, j)) count++;
      if (count !== pattern.pruned) return false;
    }
  }
  return true;
}
