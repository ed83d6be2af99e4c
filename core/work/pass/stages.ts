import type { LayerGroup, ModelArchitecture } from '../architecture.js';

/** Consecutive layers that one device of a pipeline has; the first has the embedding, too, and the last the output. */
export interface Stage {
  readonly layers: readonly LayerGroup[];
  readonly first: boolean;
  readonly last: boolean;
}

/**
 * Cuts layers into stages as even as they come: what is left over goes to the first ones, for the last has the output matrix.
 * @param count at least 1 and at most the layers.
 */
export function stagesOf({ layers }: Pick<ModelArchitecture, 'layers'>, count: number): Stage[] {
  const depth = depthOf(layers);
  const waiting = [...layers];
  return Array.from({ length: count }, (_, index) => {
    const own = Math.floor(depth / count) + (index < depth % count ? 1 : 0);
    return { layers: taken(waiting, own), first: index === 0, last: index === count - 1 };
  });
}

/** @returns layers of all groups. */
export function depthOf(layers: readonly LayerGroup[]): number {
  return layers.reduce((sum, { count }) => sum + count, 0);
}

/** Takes so many layers from the front of a list of groups. */
function taken(waiting: LayerGroup[], wanted: number): LayerGroup[] {
  const own: LayerGroup[] = [];
  let missing = wanted;
  while (missing > 0) {
    const group = waiting.shift();
    if (group === undefined) break;
    const count = Math.min(group.count, missing);
    own.push({ ...group, count });
    if (count < group.count) waiting.unshift({ ...group, count: group.count - count });
    missing -= count;
  }
  return own;
}
