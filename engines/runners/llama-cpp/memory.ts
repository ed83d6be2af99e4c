import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { failed } from '../../../core/errors.js';
import { partPaths } from '../../../core/models/parts.js';

/**
 * Linux promises more memory than there is: the engine would get it, touch it, and be killed. So what a
 * trial on the CPU needs is held against what is free before it is asked for. Devices with memory of their
 * own refuse in words and are not checked here.
 */

/**
 * @param share of the weights that are held here.
 * @throws FailureError `does-not-fit` when the weights alone are larger than the memory that is available.
 */
export function requireRoomForWeights(path: string, share = 1): void {
  const bytes = partPaths(path).reduce(
    (sum, part) => sum + (statSync(part, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
  const need = bytes * share;
  const available = process.availableMemory();
  if (need <= available) return;
  const what = share === 1 ? 'has' : 'leaves this machine';
  throw failed(
    'does-not-fit',
    `${basename(path)} ${what} ${gigabytes(need)}, but ${free(available)}.`,
    'Use a smaller quantization or a node with more memory.',
  );
}

/**
 * @param bytesPerToken of the layers that are held here; null when the cache follows no simple formula; then
 *   only the engine can tell.
 * @throws FailureError `does-not-fit` when the KV cache is larger than the memory that is available.
 */
export function requireRoomForCache(
  bytesPerToken: number | null,
  contextTokens: number,
  sequences: number,
): void {
  const need = (bytesPerToken ?? 0) * contextTokens * sequences;
  const available = process.availableMemory();
  if (need <= available) return;
  const cache = `The KV cache for ${sequences} × ${contextTokens} tokens needs ${gigabytes(need)}`;
  throw failed(
    'does-not-fit',
    `${cache}, but ${free(available)}.`,
    'Lower contextDepth, promptTokens or parallel, or use a smaller kvCacheType.',
  );
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
const free = (bytes: number): string => `${gigabytes(bytes)} of memory are available`;
