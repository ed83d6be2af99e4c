import { readLayers } from '../../core/techniques/layers.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';

/** @returns the model with only its first layers, as the technique `layers` leaves it. */
export function withLayers(architecture: ModelArchitecture, setting: string): ModelArchitecture {
  const reading = readLayers(setting);
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
