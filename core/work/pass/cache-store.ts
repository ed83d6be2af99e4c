import type { OperatorWork } from '../work.js';
import type { LayerPass } from './layer-pass.js';
import { operator } from './operators.js';

/** New keys and values are read as activations and written in the cache's type. */
export function cacheStore(
  pass: LayerPass,
  vectors: number,
  keyLength: number,
  valueLength: number,
): OperatorWork {
  const { cacheBits } = pass;
  return operator({
    name: 'cache_store',
    module: 'attention',
    class: 'elementwise',
    arithmetic: pass.arithmetic.vector,
    traffic: {
      activationsRead: vectors * (keyLength + valueLength) * pass.activationBytes,
      cacheWritten: (vectors * (keyLength * cacheBits.key + valueLength * cacheBits.value)) / 8,
    },
  });
}
