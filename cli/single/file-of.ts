import type { ResolvedModel } from '../../agent/artifacts/resolve.js';
import { ArtifactStore } from '../../agent/artifacts/store.js';
import { formatValue } from '../../core/metrics/format.js';
import { say } from '../output/print.js';
import { stoppable } from './stoppable.js';

/** The model's file; a synthetic model is written into the cache first. */
export async function fileOf(base: ResolvedModel, cacheFolder: string): Promise<string> {
  if (base.path !== null) return base.path;
  say(`writing the synthetic model, ${formatValue(base.facts.bytes, 'B')}`);
  const store = new ArtifactStore({ cacheFolder, artifactBytes: Number.POSITIVE_INFINITY });
  const request = { base, steps: [], cpus: [] };
  const { path } = await store.prepare({ ...request, timeLimitSeconds: 86_400 }, stoppable);
  return path;
}
