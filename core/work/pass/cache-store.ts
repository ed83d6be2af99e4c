import type { OperatorWork } from '../work.js';
import type { LayerPass } from './layer-pass.js';
import { calling, operator } from './operators.js';

/** New keys and values are read as activations and written in the cache's type. */
export function cacheStore(
  pass: LayerPass,
  vectors: number,
  keyLength: number,
  valueLength: number,
): OperatorWork {
  const { cacheBits } = pass;
  const read = vectors * (keyLength + valueLength) * pass.activationBytes;
  const written = (vectors * (keyLength * cacheBits.key + valueLength * cacheBits.value)) / 8;
  return operator({
    name: 'cache_store',
    module: 'attention',
    class: 'elementwise',
    arithmetic: pass.arithmetic.vector,
    traffic: {
      activationsRead: read,
      cacheWritten: written,
    },
    kernelCalls: calling(pass, { family: 'stream', bytes: read + written }),
  });
}
