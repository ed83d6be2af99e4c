import type { Mask } from '../../../core/techniques/pruning/mask.js';

export function isPruned(mask: Mask, row: number, column: number): boolean {
  return ((mask.bits[row * mask.rowBytes + (column >> 3)]! >> (column & 7)) & 1) === 1;
}

/** Turns one bit over. */
export function flip(mask: Mask, row: number, column: number): void {
  const at = row * mask.rowBytes + (column >> 3);
  mask.bits[at] = mask.bits[at]! ^ (1 << (column & 7));
}
