import { z } from 'zod';
import { FailureError, failure } from '../../../core/errors.js';
import type { RemoteSource } from '../../../core/models/remote.js';
import { writeWhole } from '../../../formats/whole-file.js';
import { download, type OnProgress } from './download.js';
import { findOnHub } from './hub.js';
import type { SourcePolicy } from './policy.js';
import { mismatch } from './refusals.js';
import type { Asking } from './request.js';
import { retrying } from './retries.js';

/** One file to be fetched by a child. */
export interface FetchJob {
  readonly source: string;
  readonly remote: RemoteSource;
  /** What the sweep says its digest is; null = nothing. */
  readonly digest: string | null;
  readonly policy: SourcePolicy;
}

/** What lies beside a fetched file: where it came from, and which bytes it has. */
export const fetchedSchema = z.object({
  source: z.string(),
  address: z.string(),
  digest: z.string(),
  bytes: z.number(),
  validator: z.string().nullable(),
  fetchedAt: z.string(),
});
export type Fetched = z.infer<typeof fetchedSchema>;

/** Fetches a file and writes beside it what it is. Runs in the child: it hashes as fast as the network brings. */
export async function fetchModel(
  { source, remote, digest, policy }: FetchJob,
  path: string,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<void> {
  const asking: Asking = { kind: remote.kind, policy, signal };
  const found =
    remote.kind === 'web'
      ? { address: remote.url, bytes: null, digest: null }
      : await retrying(source, asking, () => findOnHub(remote, asking));
  if (digest !== null && found.digest !== null && digest !== found.digest)
    throw mismatch(`${source} is ${found.digest} on the hub, and should be ${digest}`);
  const wanted = { ...found, source, path, digest: digest ?? found.digest };
  const { address } = found;
  await download(wanted, asking, onProgress, async (arrived) => {
    const note: Fetched = { source, address, ...arrived, fetchedAt: new Date().toISOString() };
    await writeWhole(`${path}.json`, JSON.stringify(note));
  });
}

/** @returns the digest that both the sweep and its source ask for. @throws FailureError when they differ. */
export function expectedDigest(source: string, remote: RemoteSource, digest: string | null): string | null {
  if (digest === null || remote.digest === null || digest === remote.digest) return digest ?? remote.digest;
  const message = `${source} asks for one digest and the sweep’s digest is ${digest}`;
  throw new FailureError(failure('digest-mismatch', message, { hint: 'Leave one of them out.' }));
}
