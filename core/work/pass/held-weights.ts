import type { LayerGroup, ModelArchitecture } from '../architecture.js';
import { layerSize } from '../model-size.js';
import type { WorkSetting } from './setting.js';

/** @returns bytes of one layer that one device holds, as they are stored: of experts that are spread over devices its share. */
export function heldLayerBytes(
  shard: ModelArchitecture,
  group: LayerGroup,
  { weights, parallel }: Pick<WorkSetting, 'weights' | 'parallel'>,
): number {
  const { feedForward } = group;
  const { experts } = feedForward;
  const held =
    experts === null || parallel.expert === 1
      ? group
      : {
          ...group,
          feedForward: { ...feedForward, experts: { ...experts, count: experts.count / parallel.expert } },
        };
  const { bytes, parameters } = layerSize(shard, held);
  return weights === null ? bytes : (parameters * weights.bits) / 8;
}
