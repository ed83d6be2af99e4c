import type { Experiment } from '../../core/experiment/experiment.js';
import type { RooflineGiven } from '../../core/result/roofline-record.js';
import { FITTED_RUNNERS, runnerNamed } from '../../core/runners/index.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import { compactArchitecture } from '../../core/work/architecture-schema.js';
import { packedArchitecture } from '../../core/work/packed.js';
import { formatOf } from '../../formats/index.js';
import { recordFactorsOf } from '../../roofline/factor-at.js';
import { lastCacheBytes } from '../device/caches.js';
import type { TrialRun } from './context.js';
import type { TrialNotes } from './notes.js';
import type { PreparedModel } from './preparation.js';

/**
 * Notes what the judge needs to place the trial: the shape and types of the file that is run, read from its header, the cache
 * that its weights may stay in, and the factors of its engine. What cannot be had leaves a reason.
 */
export function noteRoofline({ lease, node, device, notes }: TrialRun, model: PreparedModel | null): void {
  const { runner } = lease.experiment;
  const kind = runnerNamed(runner.kind);
  if (kind === undefined || model === null) return;
  const missing = (name: 'roofline' | 'factors', reason: string) => {
    notes.absent = { ...notes.absent, [name]: reason };
  };
  if (lease.otherDeviceIds !== undefined && kind.counting.by === 'pass') {
    missing('roofline', `how ${runner.kind} shares its work between devices is not counted`);
    return;
  }
  if (model.adapters.length > 0) {
    missing('roofline', 'the work of adapters beside the weights is not counted');
    return;
  }
  const read = formatOf(model.artifact.path).shapes(model.artifact.path);
  if (!read.ok) {
    missing('roofline', read.reason);
    return;
  }
  const architecture = compactArchitecture(read.architecture);
  const threads = typeof runner.options.threads === 'number' ? runner.options.threads : device.cpus.length;
  const found = kind.fitted ? (node.factors?.of(device.id, notes.roofs) ?? null) : null;
  if (!kind.fitted)
    missing(
      'factors',
      `factors are of the kernels of ${FITTED_RUNNERS.join(' and ')}, and ${runner.kind} has its own`,
    );
  else if (found === null) {
    missing(
      'factors',
      node.factors?.absent(device.id) ?? 'no factors were fitted on this node: ridge factors fits them',
    );
  }
  notes.roofline = {
    architecture,
    cacheBytes: lastCacheBytes(device.cpus, node.meters.sysRoot),
    threads: Math.max(1, threads),
    factors: found === null ? null : recordFactorsOf(found.factors, found.id, threads, typesOf(architecture)),
  } satisfies RooflineGiven;
}

/**
 * Completes the notes by what only the loaded model tells: how matrices were packed, or what the parts of a step of training ask.
 * @returns null, too, where a runner that packs or trains did not get so far.
 */
export function loadedRoofline({ runner }: Experiment, notes: TrialNotes): RooflineGiven | null {
  const { roofline, loaded } = notes;
  if (roofline === null) return null;
  const counting = runnerNamed(runner.kind)?.counting;
  if (counting?.by === 'step')
    return loaded !== null && 'trainingWork' in loaded
      ? { ...roofline, parts: [...loaded.trainingWork] }
      : null;
  if (counting?.by !== 'pass' || !counting.packed) return roofline;
  if (loaded === null || !('packed' in loaded)) return null;
  return { ...roofline, architecture: packedArchitecture(roofline.architecture, loaded.packed) };
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
