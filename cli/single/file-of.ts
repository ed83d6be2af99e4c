import { stepsTo } from '../../artifacts/conversions/step.js';
import type { ResolvedModel } from '../../artifacts/files/resolve.js';
import { ArtifactStore } from '../../artifacts/files/store.js';
import { formatValue } from '../../core/metrics/format.js';
import type { ModelFormat } from '../../core/models/formats.js';
import { OPENED_BY_COMMANDS } from '../local-models.js';
import { say } from '../output/print.js';
import { stoppable } from './stoppable.js';

/**
 * The model's file; a synthetic model is written into the cache first, and one of another format converted there.
 * @param opens formats that it may have.
 */
export async function fileOf(
  base: ResolvedModel,
  cacheFolder: string,
  opens: readonly ModelFormat[] = OPENED_BY_COMMANDS,
): Promise<string> {
  const steps = stepsTo(base, opens);
  if (base.path !== null && steps.length === 0) return base.path;
  const size = formatValue(base.facts.bytes, 'B');
  say(steps.length === 0 ? `writing the synthetic model, ${size}` : `converting the model, ${size}`);
  const store = new ArtifactStore({ cacheFolder, artifactBytes: Number.POSITIVE_INFINITY });
  const request = { base, steps, cpus: [] };
  const { path } = await store.prepare({ ...request, timeLimitSeconds: 86_400 }, stoppable);
  return path;
}
