import { partPaths } from '../../../core/models/parts.js';
import type { RemoteSource } from '../../../core/models/remote.js';
import { joinDigests } from '../../../process/digest.js';
import { findOnHub } from './hub.js';
import type { Asking } from './request.js';
import { retrying } from './retries.js';

/** Where one file of a model lies, and what is known of it before it comes; null = nothing. */
export interface Place {
  readonly address: string;
  /**
   * What it is called in the folder that is the model; null = the model is one file, or its parts, whatever
   * they are called.
   */
  readonly name: string | null;
  readonly bytes: number | null;
  readonly digest: string | null;
}

/**
 * Finds the files of a model that has to be fetched: one, or in order the parts of a split one.
 * @throws FailureError as `findOnHub` does, and `fetch-failed`.
 */
export async function placesOf(
  source: string,
  remote: RemoteSource,
  asking: Asking,
): Promise<readonly Place[]> {
  if (remote.kind === 'hub') return await retrying(source, asking, () => findOnHub(remote, asking));
  return partPaths(remote.url).map((address) => ({ address, name: null, bytes: null, digest: null }));
}

/**
 * @returns the digest of all files together; null where that of one is not known, and for folders, whose
 *   small files have none.
 */
export function digestOfPlaces(places: readonly Pick<Place, 'digest' | 'name'>[]): string | null {
  if (places.some(({ name }) => name !== null)) return null;
  const digests = places.flatMap(({ digest }) => (digest === null ? [] : [digest]));
  return digests.length < places.length ? null : joinDigests(digests);
}
