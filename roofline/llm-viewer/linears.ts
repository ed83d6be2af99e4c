import { type Ask, ask } from './row.js';
import type { Counting } from './setting.js';

/**
 * The matrices of a layer. Their outputs (inputs, for the two that gather) are divided over the devices; OPT gets a gate that it
 * does not have, and nothing asks for biases.
 */
export function linears(counting: Counting): Ask[] {
  const { hidden, intermediate, heads, kvHeads, gate } = counting.model;
  const share = (width: number) => Math.floor(width / counting.tensorParallel);
  const width = share(hidden);
  const kvWidth = share(Math.floor((hidden * kvHeads) / heads));
  const between = share(intermediate);
  return [
    linear(counting, 'q_proj', hidden, width),
    cached(counting, 'k_proj', hidden, kvWidth),
    cached(counting, 'v_proj', hidden, kvWidth),
    linear(counting, 'out_proj', width, hidden),
    ...(gate ? [linear(counting, 'gate_proj', hidden, between)] : []),
    linear(counting, 'up_proj', hidden, between),
    linear(counting, 'down_proj', between, hidden),
  ];
}

function linear(counting: Counting, name: string, inputs: number, outputs: number): Ask {
  const { batch, queries, weightBytes, activationBytes } = counting;
  return ask(name, inputs * outputs * batch * queries * 2, {
    loadWeight: inputs * outputs * weightBytes,
    loadActivation: inputs * batch * queries * activationBytes,
    storeActivation: outputs * batch * queries * activationBytes,
  });
}

/** K and V are stored to the cache, and nowhere else. */
function cached(counting: Counting, name: string, inputs: number, outputs: number): Ask {
  const { batch, queries, cacheBytes } = counting;
  return {
    ...linear(counting, name, inputs, outputs),
    storeActivation: 0,
    storeCache: outputs * batch * queries * cacheBytes,
  };
}

/** The output matrix, whole on each device: without the two of a multiply and an add, and as if the batch were 1. */
export function head({ model, batch, weightBytes, activationBytes }: Counting): Ask {
  const { hidden, vocabulary } = model;
  return ask('lm_head', batch * hidden * vocabulary, {
    loadWeight: hidden * vocabulary * weightBytes,
    loadActivation: hidden * activationBytes,
    storeActivation: vocabulary * activationBytes,
  });
}
