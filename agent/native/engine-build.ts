import { digestOfAll } from '../digest.js';
import { cacheFolder } from './engines/location.js';

/**
 * What tells builds of one release apart: the first 16 hex digits of the SHA-256 of an engine's libraries. It is kept by size and time of change of the
 * files, so that a trial does not read them.
 */
export async function buildOf(files: readonly string[]): Promise<string> {
  const [, hex = ''] = (await digestOfAll(files, cacheFolder())).split(':');
  return hex.slice(0, 16);
}
