import { FailureError, failure } from '../../../core/errors.js';
import { partPath } from '../../../core/models/parts.js';
import type { RemoteSource } from '../../../core/models/remote.js';
import { writeWhole } from '../../../formats/whole-file.js';
import { joinDigests } from '../digest.js';
import { type Download, download, type OnProgress } from './download.js';
import { type Fetched, forget, noteOf, notePath } from './kept.js';
import { digestOfPlaces, placesOf } from './places.js';
import type { SourcePolicy } from './policy.js';
import { mismatch, tooLarge } from './refusals.js';
import type { Asking } from './request.js';
import type { Arrived } from './transfer.js';

/** One model to be fetched by a child. */
export interface FetchJob {
  readonly source: string;
  readonly remote: RemoteSource;
  /** What the sweep says its digest is; null = nothing. */
  readonly digest: string | null;
  readonly policy: SourcePolicy;
}

/**
 * Fetches a model and writes beside each of its files what it is. Runs in the child: it hashes as fast as the network
 * brings. Of a split model the parts that are there already, by the hub's word, are not fetched again.
 * @param path what the model is called in the cache; its parts are named after it.
 */
export async function fetchModel(
  { source, remote, digest, policy }: FetchJob,
  path: string,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<void> {
  const asking: Asking = { kind: remote.kind, policy, signal };
  const places = await placesOf(source, remote, asking);
  const said = digestOfPlaces(places);
  if (digest !== null && said !== null && digest !== said)
    throw mismatch(`${source} is ${said} on the hub, and should be ${digest}`);
  const totalBytes = sumOf(places.map(({ bytes }) => bytes));
  if (totalBytes !== null && totalBytes > policy.maxBytes)
    throw tooLarge(source, totalBytes, policy.maxBytes);
  const [only] = places.length === 1 ? places : [];
  if (only !== undefined)
    return void (await fetchFile(
      { ...only, source, path, digest: digest ?? only.digest },
      asking,
      onProgress,
    ));

  const paths = places.map((_, i) => partPath(path, i + 1, places.length));
  await forget(path, paths);
  const arrived: string[] = [];
  let before = 0;
  for (const [i, place] of places.entries()) {
    const wanted = { ...place, source, path: paths[i]! };
    const there = await noteOf(wanted.path);
    const part =
      there !== null && there.digest === place.digest
        ? there
        : await fetchFile(
            wanted,
            { ...asking, policy: { ...policy, maxBytes: policy.maxBytes - before } },
            (done, of) => onProgress(before + done, totalBytes ?? (of === null ? null : before + of)),
          );
    arrived.push(part.digest);
    before += part.bytes;
    onProgress(before, totalBytes ?? before);
  }
  const came = joinDigests(arrived);
  if (digest === null || digest === came) return;
  await forget(path);
  throw mismatch(`the parts of ${source} came with the digest ${came}, and should have ${digest}`);
}

async function fetchFile(wanted: Download, asking: Asking, onProgress: OnProgress): Promise<Arrived> {
  const { address, source, path } = wanted;
  return await download(wanted, asking, onProgress, async (arrived) => {
    const note: Fetched = { source, address, ...arrived, fetchedAt: new Date().toISOString() };
    await writeWhole(notePath(path), JSON.stringify(note));
  });
}

/** @returns null where one is not known. */
function sumOf(numbers: readonly (number | null)[]): number | null {
  return numbers.reduce((sum, one) => (sum === null || one === null ? null : sum + one), 0);
}

/** @returns the digest that both the sweep and its source ask for. @throws FailureError when they differ. */
export function expectedDigest(source: string, remote: RemoteSource, digest: string | null): string | null {
  if (digest === null || remote.digest === null || digest === remote.digest) return digest ?? remote.digest;
  const message = `${source} asks for one digest and the sweep’s digest is ${digest}`;
  throw new FailureError(failure('digest-mismatch', message, { hint: 'Leave one of them out.' }));
}
