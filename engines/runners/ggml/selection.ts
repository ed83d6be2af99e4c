import { TRAINING_TARGETS, type TrainingSettings } from '../../../core/training/methods.js';

/** @returns the matrices that get factors: `blk.0.attn_q.weight`. */
export function trainedMatrices(layers: number, { targets }: Pick<TrainingSettings, 'targets'>): string[] {
  return Array.from({ length: layers }, (_, layer) =>
    TRAINING_TARGETS[targets].map((name) => `blk.${layer}.${name}.weight`),
  ).flat();
}

/**
 * @returns whether a tensor of the base itself is trained: all that the graph computes with under full, those
 *   of the last layers under freeze.
 */
export function isTrained(
  name: string,
  layers: number,
  { method, trainedLayers }: Pick<TrainingSettings, 'method' | 'trainedLayers'>,
): boolean {
  if (name === 'rope_freqs.weight') return false;
  if (method === 'full') return true;
  const layer = /^blk\.(\d+)\./.exec(name)?.[1];
  return method === 'freeze' && layer !== undefined && Number(layer) >= layers - trainedLayers;
}
