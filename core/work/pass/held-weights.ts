import type { LayerGroup, ModelArchitecture } from '../architecture.js';
import { layerSize } from '../model-size.js';
import type { WorkSetting } from './setting.js';

/**
 * @returns bytes of one layer that one device holds, as they are stored: of experts that are spread over
 *   devices its share.
 */
export function heldLayerBytes(
  shard: ModelArchitecture,
  group: LayerGroup,
  { weights, parallelism }: Pick<WorkSetting, 'weights' | 'parallelism'>,
): number {
  const { feedForward } = group;
  const { experts } = feedForward;
  const held =
    experts === null || parallelism.expert === 1
      ? group
      : {
          ...group,
          feedForward: { ...feedForward, experts: { ...experts, count: experts.count / parallelism.expert } },
        };
  const { bytes, parameters } = layerSize(shard, held);
  return weights === null ? bytes : (parameters * weights.bits) / 8;
}
