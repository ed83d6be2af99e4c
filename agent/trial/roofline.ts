import type { Experiment } from '../../core/experiment/experiment.js';
import type { RooflineGiven } from '../../core/result/roofline-record.js';
import type { RecordRoofs } from '../../core/result/roofs-record.js';
import { FITTED_RUNNERS, runnerNamed } from '../../core/runners/index.js';
import { weightTypesOf } from '../../core/work/architecture.js';
import { compactArchitecture } from '../../core/work/architecture-schema.js';
import { packedArchitecture } from '../../core/work/packed.js';
import { depthOf } from '../../core/work/pass/stages.js';
import { ONE_DEVICE } from '../../core/work/served-work.js';
import type { Spread } from '../../engines/runners/opened.js';
import { lastCacheBytes } from '../../process/device/caches.js';
import { recordFactorsOf } from '../../roofline/factor-at.js';
import { NO_FACTORS } from '../factors/node-factors.js';
import type { TrialRun } from './context.js';
import type { TrialNotes } from './notes.js';
import type { PreparedModel } from './preparation.js';

/**
 * Notes what the judge needs to place the trial: the shape and types of the file that is run, read from its
 * header, the cache that its weights may stay in, and the factors of its engine. What cannot be had leaves a
 * reason.
 */
export function noteRoofline({ lease, node, device, notes }: TrialRun, model: PreparedModel | null): void {
  const { runner } = lease.experiment;
  const kind = runnerNamed(runner.kind);
  if (kind === undefined || model === null) return;
  const { shapes, adapters } = model;
  if (adapters.length > 0) miss(notes, 'roofline', 'the work of adapters beside the weights is not counted');
  else if (!shapes.ok) miss(notes, 'roofline', shapes.reason);
  if (adapters.length > 0 || !shapes.ok) return;
  const architecture = compactArchitecture(shapes.architecture);
  const asked = runner.options.threads;
  const threads = Math.max(1, typeof asked === 'number' ? asked : device.cpus.length);
  const types = weightTypesOf(architecture);
  const factorsOf = (deviceId: string, roofs: RecordRoofs | null) => {
    const found = kind.fitted ? (node.factors?.forDevice(deviceId, roofs) ?? null) : null;
    return found === null ? null : recordFactorsOf(found.factors, found.id, threads, types);
  };
  const factors = factorsOf(device.id, notes.roofs);
  const beside = kind.counting.by === 'pass' ? (lease.otherDeviceIds ?? []) : [];
  const others = beside.map((id) => {
    const roofs = node.roofs.forDevice(id);
    const name = node.profile.devices.find((other) => other.id === id)?.name ?? id;
    return { id, name, roofs, factors: factorsOf(id, roofs) };
  });
  const host = node.factors?.hostFor(device.id, runner.kind) ?? null;
  const without = [{ id: device.id, factors }, ...others].find((one) => one.factors === null);
  if (!kind.fitted) {
    const fitted = FITTED_RUNNERS.join(' and ');
    miss(notes, 'factors', `factors are of the kernels of ${fitted}, and ${runner.kind} has its own`);
  } else if (without !== undefined)
    miss(notes, 'factors', node.factors?.absenceReason(without.id) ?? NO_FACTORS);
  notes.roofline = {
    architecture,
    cacheBytes: lastCacheBytes(device.cpus, node.meters.sysRoot),
    threads,
    factors,
    ...(host !== null && { host }),
    ...(others.length > 0 && { others: others.map(({ id: _, ...other }) => other) }),
  } satisfies RooflineGiven;
}

function miss(notes: TrialNotes, name: 'roofline' | 'factors', reason: string): void {
  notes.absent = { ...notes.absent, [name]: reason };
}

/**
 * Adds to the notes what only the loaded model tells: how matrices were packed, how it lies on several
 * devices, or what the parts of a training step compute.
 * @returns null, with a reason in the notes, where that is not known. A runner that packs, trains or uses
 *   several devices may have failed before it could tell.
 */
export function loadedRoofline({ runner }: Experiment, notes: TrialNotes): RooflineGiven | null {
  const { roofline, loaded } = notes;
  if (roofline === null) return null;
  const counting = runnerNamed(runner.kind)?.counting;
  if (counting?.by === 'step')
    return loaded !== null && 'trainingWork' in loaded
      ? { ...roofline, parts: [...loaded.trainingWork] }
      : null;
  if (counting?.by !== 'pass') return roofline;
  if (counting.packed) {
    if (loaded === null || !('packed' in loaded)) return null;
    return { ...roofline, architecture: packedArchitecture(roofline.architecture, loaded.packed) };
  }
  if (loaded === null && roofline.others !== undefined) return null;
  const spread =
    loaded !== null && 'spread' in loaded
      ? spreadIn(roofline, loaded.spread)
      : roofline.others === undefined
        ? {}
        : `how ${runner.kind} shares its work between devices is not counted`;
  if (typeof spread !== 'string') return { ...roofline, ...spread };
  miss(notes, 'roofline', spread);
  return null;
}

/** @returns what to add for a model that lies on several devices, or why its work is not known. */
function spreadIn(
  { architecture }: RooflineGiven,
  spread: Spread | string,
): Pick<RooflineGiven, 'stages' | 'split'> | string {
  if (typeof spread === 'string') return spread;
  if ('tensor' in spread) return { split: { ...ONE_DEVICE, tensor: spread.tensor } };
  const [counted, placed] = [depthOf(architecture.layers), spread.layers.reduce((a, b) => a + b, 0)];
  if (counted !== placed) return `the engine shares out ${placed} layers, and the file has ${counted}`;
  return { stages: { ...spread, layers: [...spread.layers] } };
}
