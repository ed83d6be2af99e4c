import { createHash } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError, failed } from '../../../core/errors.js';
import { type RemoteSource, readRemote } from '../../../core/models/remote.js';
import { rememberDigest } from '../../../process/digest.js';
import { taskOf } from '../../../process/isolation/job.js';
import { launch } from '../../../process/isolation/launch.js';
import { type Launcher, storageFailure } from '../build-file.js';
import { cachedPath, lockOf, makeRoom } from '../eviction.js';
import { withLock } from '../lock.js';
import type { Pins } from '../pins.js';
import { touched } from '../used.js';
import type { OnProgress } from './download.js';
import { expectedDigest, type FetchJob } from './fetch.js';
import { FETCH } from './job.js';
import { type Fetched, forget, joinNotes, keptPaths, noteOf, notePath } from './kept.js';
import { requireAllowed, type SourcePolicy } from './policy.js';

export interface FetchSettings {
  readonly cacheFolder: string;
  /** What this node may fetch; null = nothing. */
  readonly policy: SourcePolicy | null;
  /** Bound of the folder that fetched files share with artifacts. */
  readonly artifactBytes: number;
}

type CachedModel = Fetched & { readonly path: string };

export interface FetchRequest {
  readonly source: string;
  /** What the sweep says its digest is; null = nothing. */
  readonly digest: string | null;
  /** Keeps the file from eviction; null = the caller opens it at once. */
  readonly uses: Pins | null;
  readonly launcher?: Launcher;
  readonly cpus?: readonly number[];
  readonly onProgress?: OnProgress;
}

/** @throws FailureError `model-missing` for words that name nothing. */
export function remoteNamed(source: string): RemoteSource {
  const reading = readRemote(source);
  if (reading.ok) return reading.remote;
  throw failed('model-missing', reading.reason, reading.hint);
}

/**
 * Gives a file that has to be fetched: from the cache, or by a child that fetches it, one at a time on this
 * cache. What is in the cache is not asked for again, so a sweep runs without its network; another digest
 * than the one it has makes it be fetched anew.
 * @returns its path, or that of the first part of a split one.
 * @throws FailureError `source-not-allowed`, `model-missing`, `digest-mismatch`, `disk-full`, `fetch-failed`,
 *   …
 */
export async function cachedModel(request: FetchRequest, settings: FetchSettings): Promise<CachedModel> {
  const { source, uses } = request;
  const remote = remoteNamed(source);
  requireAllowed(source, remote, settings.policy);
  const digest = expectedDigest(source, remote, request.digest);
  const folder = join(settings.cacheFolder, 'artifacts');
  const path = cachedPath(folder, cacheName(remote));
  try {
    await mkdir(folder, { recursive: true });
    return await withLock(lockOf(path), async () => {
      const found = await find(path, digest);
      const fetched = found ?? (await fetchNow(path, { source, remote, digest }, request, settings));
      await uses?.hold(path);
      return fetched;
    });
  } catch (error) {
    throw storageFailure(error);
  }
}

/** The name holds nothing of what a server or a sweep says. */
function cacheName(remote: RemoteSource): string {
  const { digest: _asked, ...place } = remote;
  return `fetched-${createHash('sha256').update(JSON.stringify(place)).digest('hex').slice(0, 24)}`;
}

async function find(path: string, digest: string | null): Promise<CachedModel | null> {
  const paths = await keptPaths(path);
  const [first, ...others] = await Promise.all(paths.map(noteOf));
  const parts = others.filter((note) => note !== null);
  if (first === undefined || first === null || parts.length < others.length) return null;
  const fetched = joinNotes([first, ...parts]);
  if (digest !== null && fetched.digest !== digest) return null;
  // Looked at by eviction as the time of last use.
  for (const one of paths) await touched(notePath(one));
  return { ...fetched, path: paths[0]! };
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}

async function fetchNow(
  path: string,
  asked: Omit<FetchJob, 'policy'>,
  { launcher = launch, cpus = [], onProgress }: FetchRequest,
  { cacheFolder, policy, artifactBytes }: FetchSettings,
): Promise<CachedModel> {
  if (policy === null) throw new Error('a node without a policy fetches nothing');
  // Of another state of the file; its name must not stand for two. Parts, and files of a folder, are held
  // against what the hub says.
  const folder = await isFolder(path);
  const parts = (await keptPaths(path)).filter((kept) => kept !== path || folder);
  await forget(path, parts);
  const ending = await launcher({
    task: taskOf(FETCH, { job: { ...asked, policy }, outputPath: path }),
    cpus,
    // A slow network is no fault, and what has come is kept; connections have limits of their own.
    timeLimitSeconds: null,
    memoryLimitBytes: null,
    onMessage: (message) => {
      if (message.type === 'fetched') onProgress?.(message.doneBytes, message.totalBytes);
    },
  }).ended;
  if (ending.failure !== null) throw new FailureError(ending.failure);
  const found = await find(path, asked.digest);
  if (found === null) throw new Error(`${asked.source} was fetched and is not there`);
  for (const file of (await isFolder(path)) ? [] : await keptPaths(path)) {
    const note = await noteOf(file);
    if (note !== null) await rememberDigest(file, note.digest, cacheFolder);
  }
  await makeRoom(join(cacheFolder, 'artifacts'), { limitBytes: artifactBytes, keep: path });
  return found;
}
