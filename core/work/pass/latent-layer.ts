import type { LatentAttention } from '../architecture.js';
import type { LatentLayerCall } from '../operator-call.js';
import type { KernelCall, OperatorWork } from '../work.js';
import type { LayerPass } from './layer-pass.js';
import { phaseOf } from './operators.js';

/**
 * Where tables have the whole of a layer's attention, its operators are one call of each group of sequences,
 * which stands beside the scores; whatever chooses tokens is in tables in no other way.
 * @returns the operators as they are where their kernels are asked about, or none are.
 */
export function inWholeLayer(
  pass: LayerPass,
  shape: LatentAttention,
  operators: readonly OperatorWork[],
): OperatorWork[] {
  const { kernels } = pass;
  if (kernels === null || (kernels.latentParts === true && shape.index === undefined)) return [...operators];
  const calls = layerCalls(pass, shape);
  return operators.map((work) => ({ ...work, kernelCalls: work.name === 'attention' ? calls : [] }));
}

function layerCalls(
  { batch, kernels, embedding }: LayerPass,
  { heads, kvRank, queryRank, ropeLength, headLength, valueLength, output, index }: LatentAttention,
): readonly KernelCall[] | undefined {
  const { format } = output;
  if (format === undefined || kernels === null) return undefined;
  const choice: LatentLayerCall['index'] =
    index === undefined
      ? null
      : {
          heads: index.heads,
          headLength: index.headLength,
          chosen: index.chosen,
          computed: index.matrices !== null,
        };
  return batch.map((group) => ({
    call: {
      family: 'latent-layer',
      phase: phaseOf(group),
      format,
      cacheFormat: kernels.cache,
      embedding,
      queryRank,
      heads,
      kvRank,
      ropeLength,
      headLength,
      valueLength,
      index: choice,
      ...group,
    },
    times: 1,
    follows: 'sequences',
  }));
}
