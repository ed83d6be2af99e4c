import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cachedModel, type FetchRequest } from '../../artifacts/files/remote/cache.js';
import { fetchModel } from '../../artifacts/files/remote/fetch.js';
import type { FetchTask } from '../../artifacts/files/remote/job.js';
import { readPolicy, sourcesSchema } from '../../artifacts/files/remote/policy.js';
import { type Failure, failure, toFailure } from '../../core/errors.js';
import { temporaryFolder } from './folder.js';
import { doHere } from './launcher.js';

/** Fetches in this process what a child of its own would. */
export const fetching = doHere({
  async fetch({ job, outputPath }: FetchTask, tell) {
    const progress = (doneBytes: number, totalBytes: number | null) =>
      tell({ type: 'fetched', doneBytes, totalBytes });
    await fetchModel(job, outputPath, new AbortController().signal, progress);
    return { warnings: [], facts: {} };
  },
});

const QUICK = { stallSeconds: 2, attempts: 2, backoffSeconds: 0.01 };

/** A node that may fetch from these sources. */
export function node(sources: object, artifactBytes = 1e9) {
  const policy = readPolicy(sourcesSchema.parse({ ...QUICK, ...sources }), artifactBytes, (_, path) =>
    readFileSync(path, 'utf8'),
  );
  const cacheFolder = temporaryFolder();
  const settings = { cacheFolder, policy, artifactBytes };
  const ask = (source: string, rest: Partial<FetchRequest> = {}) =>
    cachedModel({ source, digest: null, uses: null, launcher: fetching, ...rest }, settings);
  const left = () =>
    readdirSync(join(cacheFolder, 'artifacts')).map((name) => name.replace(/^fetched-\w{24}/, 'F'));
  return { ask, left, cacheFolder, policy, settings };
}

/** @returns what work fails with. */
export async function refused(work: Promise<unknown>): Promise<Failure> {
  return await work.then(
    () => failure('internal', 'nothing was refused'),
    (error) => toFailure(error),
  );
}

/** Bytes that pass for a model as long as nobody opens it. */
export function content(bytes: number, seed = 1): Buffer {
  const made = Buffer.alloc(bytes);
  for (let i = 0, state = seed; i < bytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    made[i] = state >>> 24;
  }
  made.write('GGUF');
  return made;
}
export const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
