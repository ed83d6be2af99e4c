import type { Matrix } from '../pruning/matrix.js';
import { type AdapterLayer, rankOf } from './adapter.js';
import { withoutInitial } from './convert.js';
import { oloraFactors, pissaFactors } from './initialize.js';

/**
 * A layer that fits what an initialization left of W0, as a plain LoRA on W0: the initial factors follow from W0 and are
 * taken off. They are unique as a product where singular values differ (PiSSA), or where the first r columns are
 * independent (OLoRA).
 */
export function ontoBase(
  layer: AdapterLayer,
  initialization: 'pissa' | 'olora',
  weights: Matrix,
): AdapterLayer {
  const rank = rankOf(layer);
  const initial =
    initialization === 'pissa' ? pissaFactors(weights, rank, layer.scale) : oloraFactors(weights, rank);
  return withoutInitial(layer, initial);
}
