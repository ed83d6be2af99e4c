import { join } from 'node:path';
import { failed } from '../../../core/errors.js';
import { partPath } from '../../../core/models/parts.js';
import type { RemoteSource } from '../../../core/models/remote.js';
import { formatOf } from '../../../formats/index.js';
import { writeWhole } from '../../../formats/whole-file.js';
import { joinDigests } from '../../../process/digest.js';
import { type Download, download, type OnProgress } from './download.js';
import { beginFolder, type Fetched, forget, noteOf, notePath } from './kept.js';
import { digestOfPlaces, type Place, placesOf } from './places.js';
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
 * Fetches a model and writes beside each of its files what it is. Runs in the child: it hashes as fast as the
 * network brings. Of a split model or a folder the files that are there already, by the hub's word, are not
 * fetched again.
 * @param path what the model is called in the cache; its parts are named after it, the files of a folder lie
 *   in it.
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
  const { maxBytes } = policy;
  if (totalBytes !== null && totalBytes > maxBytes) throw tooLarge(source, totalBytes, maxBytes);
  const [only] = places.length === 1 ? places : [];
  const folder = only === undefined && places.every(({ name }) => name !== null);
  if (only !== undefined) {
    const file = { ...only, source, path, digest: digest ?? only.digest, isModel: true };
    return void (await fetchFile(file, asking, onProgress));
  }
  const partAt = (i: number) => partPath(path, i + 1, places.length);
  const paths = places.map(({ name }, i) => (name === null ? partAt(i) : join(path, name)));
  if (folder) await beginFolder(path, paths);
  else await forget(path, paths);
  const arrived: string[] = [];
  let before = 0;
  for (const [i, place] of places.entries()) {
    const wanted = { ...place, source, path: paths[i]!, isModel: !folder };
    const there = await noteOf(wanted.path);
    const rest: Asking = { ...asking, policy: { ...policy, maxBytes: maxBytes - before } };
    const watched: OnProgress = (done, of) =>
      onProgress(before + done, totalBytes ?? (of === null ? null : before + of));
    const part = there !== null && isSame(there, place) ? there : await fetchFile(wanted, rest, watched);
    arrived.push(part.digest);
    before += part.bytes;
    onProgress(before, totalBytes ?? before);
  }
  if (folder) await noteFolder(path, source, asking, before);
  const came = folder ? await digestOfFolder(path) : joinDigests(arrived);
  if (digest === null || digest === came) return;
  await forget(path);
  throw mismatch(`the parts of ${source} came with the digest ${came}, and should have ${digest}`);
}

/** Small files of a hub have no digest of their own: they are asked for again. */
function isSame(there: Fetched, { digest }: Place): boolean {
  return digest !== null && there.digest === digest;
}

/**
 * Says of a folder that is whole what it is: the digest is that of the files which a local folder's is of.
 */
async function noteFolder(path: string, source: string, { policy }: Asking, bytes: number): Promise<void> {
  const whole = { digest: await digestOfFolder(path), bytes, validator: null };
  await writeNote(path, { source, address: policy.hfEndpoint, ...whole });
}

async function writeNote(path: string, note: Omit<Fetched, 'fetchedAt'>): Promise<void> {
  await writeWhole(notePath(path), JSON.stringify({ ...note, fetchedAt: new Date().toISOString() }));
}

/** @throws FailureError `model-unreadable` for files that are together no model. */
async function digestOfFolder(path: string): Promise<string> {
  const notes = await Promise.all(formatOf(path).files(path).map(noteOf));
  return joinDigests(notes.map((note) => note?.digest ?? ''));
}

async function fetchFile(wanted: Download, asking: Asking, onProgress: OnProgress): Promise<Arrived> {
  const { address, source, path } = wanted;
  const note = (arrived: Arrived) => writeNote(path, { source, address, ...arrived });
  return await download(wanted, asking, onProgress, note);
}

/** @returns null where one is not known. */
function sumOf(numbers: readonly (number | null)[]): number | null {
  return numbers.reduce((sum, one) => (sum === null || one === null ? null : sum + one), 0);
}

/** @returns the digest that both the sweep and its source ask for. @throws FailureError when they differ. */
export function expectedDigest(source: string, remote: RemoteSource, digest: string | null): string | null {
  if (digest === null || remote.digest === null || digest === remote.digest) return digest ?? remote.digest;
  const message = `${source} asks for one digest and the sweep’s digest is ${digest}`;
  throw failed('digest-mismatch', message, 'Leave one of them out.');
}
