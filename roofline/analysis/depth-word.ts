import { readDepth } from '../../core/techniques/depth.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';

/** @returns the model of which only the first layers compute, as the technique `depth` leaves it. */
export function withDepth(architecture: ModelArchitecture, word: string): ModelArchitecture {
  const reading = readDepth(word);
  const kept = reading.ok ? reading.value : null;
  if (kept === null) return architecture;
  let left = kept;
  const layers = architecture.layers.flatMap((group) => {
    const count = Math.min(group.count, left);
    left -= count;
    return count === 0 ? [] : [{ ...group, count }];
  });
  return { ...architecture, layers };
}
