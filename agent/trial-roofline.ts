import type { DeviceProfile } from '../core/node.js';
import type { ModelArchitecture } from '../core/roofline/architecture.js';
import { compactArchitecture } from '../core/roofline/architecture-schema.js';
import { recordFactorsOf } from '../core/roofline/factors/factors.js';
import { architectureFromGguf } from '../core/roofline/readers/gguf.js';
import type { RooflineGiven } from '../core/roofline/record.js';
import type { Experiment } from '../core/sweep/experiment.js';
import { readGgufHeader } from './artifacts/gguf/header.js';
import { lastCacheBytes } from './device/caches.js';
import type { NodeFactors } from './factors/node-factors.js';
import type { PreparedModel } from './preparation.js';
import type { TrialNotes } from './record.js';

/**
 * Notes what the judge needs to place the trial: the shape and types of the file that is run, read from its header, the cache
 * that its weights may stay in, and the factors of its engine. What cannot be had leaves a reason.
 */
export function noteRoofline(
  { runner }: Experiment,
  model: PreparedModel | null,
  device: DeviceProfile,
  source: Pick<NodeFactors, 'of' | 'absent'> | undefined,
  sysRoot: string,
  notes: TrialNotes,
): void {
  const missing = (name: 'roofline' | 'factors', reason: string) => {
    notes.absent = { ...notes.absent, [name]: reason };
  };
  if (runner.kind !== 'llama-cpp' || model === null) return;
  if (model.adapters.length > 0) {
    missing('roofline', 'the work of adapters beside the weights is not counted');
    return;
  }
  const read = architectureFromGguf(readGgufHeader(model.artifact.path));
  if (!read.ok) {
    missing('roofline', read.reason);
    return;
  }
  const architecture = compactArchitecture(read.architecture);
  const threads = typeof runner.options.threads === 'number' ? runner.options.threads : device.cpus.length;
  const found = source?.of(device.id, notes.roofs) ?? null;
  if (found === null) {
    missing(
      'factors',
      source?.absent(device.id) ?? 'no factors were fitted on this node: ridge factors fits them',
    );
  }
  notes.roofline = {
    architecture,
    cacheBytes: lastCacheBytes(device.cpus, sysRoot),
    threads: Math.max(1, threads),
    factors: found === null ? null : recordFactorsOf(found.factors, found.id, threads, typesOf(architecture)),
  } satisfies RooflineGiven;
}

/** Types of the matrices of a model. */
function typesOf({ layers, outputType }: ModelArchitecture): ReadonlySet<string> {
  const found = new Set<string>(outputType === undefined ? [] : [outputType]);
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('inputs' in value && 'type' in value && typeof value.type === 'string') found.add(value.type);
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(layers);
  return found;
}
