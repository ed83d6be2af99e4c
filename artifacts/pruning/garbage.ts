import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Below this, waiting for the collector costs less memory than asking it costs time. */
const WORTH_BYTES = 16 * 2 ** 20;

let collect: (() => void) | null = null;

/**
 * Frees what is no longer used, where that is a matter of large matrices: V8 sees a few small objects, whatever
 * memory stands behind them, and is in no hurry. Takes some milliseconds.
 * @param bytes of one matrix.
 */
export function freeMatrices(bytes: number): void {
  if (bytes < WORTH_BYTES) return;
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  // Memory behind the first is given back in the background; the second waits until that is done.
  collect();
}
