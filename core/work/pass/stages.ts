import type { LayerGroup, ModelArchitecture } from '../architecture.js';

/**
 * Consecutive layers that one device of a pipeline has; the first has the embedding, too, and the last the
 * output.
 */
export interface Stage {
  readonly layers: readonly LayerGroup[];
  readonly first: boolean;
  readonly last: boolean;
  /** The last layer of the model is one of them: that of the last stage, unless it has the output alone. */
  readonly endsLayers: boolean;
}

/**
 * Cuts layers into stages as even as they come: what is left over goes to the first ones, for the last has
 * the output matrix.
 * @param count at least 1 and at most the layers.
 */
export function stagesOf(model: Pick<ModelArchitecture, 'layers'>, count: number): Stage[] {
  const depth = depthOf(model.layers);
  const counts = Array.from(
    { length: count },
    (_, index) => Math.floor(depth / count) + (index < depth % count ? 1 : 0),
  );
  return stagesCut(model, counts);
}

/**
 * Cuts layers into stages of so many each.
 * @param counts with the sum of all layers; the last stage may have none, and the output alone.
 */
export function stagesCut({ layers }: Pick<ModelArchitecture, 'layers'>, counts: readonly number[]): Stage[] {
  const waiting = [...layers];
  const ending = counts.findLastIndex((own) => own > 0);
  return counts.map((own, index) => ({
    layers: taken(waiting, own),
    first: index === 0,
    last: index === counts.length - 1,
    endsLayers: index === ending,
  }));
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
