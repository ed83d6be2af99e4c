import type { Evidence } from '../core/judgement/evidence.js';
import type { RooflineGiven, RooflineRecord } from '../core/result/roofline-record.js';
import { isFitted } from '../core/runners/index.js';
import { median } from '../core/statistics/quantile.js';
import type { PhaseWork } from '../core/work/phase-work.js';
import { publishedCeilings } from './ceilings.js';
import { hardwareNamed } from './hardware/catalogue.js';
import { type MachineModel, measuredMachine, publishedMachine } from './machine-model.js';
import { type PlacementRequest, placePhase } from './placement.js';

/**
 * Places phases under the ceilings of a device, measured ones before published ones.
 * @param secondsOf of each repeat; a phase without any is left out.
 * @returns the block of a record, or why there is none.
 */
export function underRoofs(
  input: Evidence['input'],
  given: RooflineGiven,
  phases: readonly PhaseWork[],
  secondsOf: (name: PhaseWork['name']) => readonly number[],
): RooflineRecord | string {
  const found = physicsOf(input, given.threads, given.cacheBytes);
  if (found === null) {
    return `${input.absent.roofs ?? 'no roofs were measured on this device'}, and the hardware catalogue has no ${input.device.name}`;
  }
  const { machineModel, ceilings } = found;
  const measured = ceilings.origin === 'measured';
  const fitted = isFitted(input.experiment);
  const factors: PlacementRequest['factors'] = !measured
    ? null
    : fitted
      ? (given.factors?.factors ?? null)
      : 'roofs';
  return {
    ceilings,
    threads: given.threads,
    factors: measured && fitted ? (given.factors?.id ?? null) : null,
    phases: phases.flatMap((work) => {
      const seconds = secondsOf(work.name);
      if (seconds.length === 0) return [];
      const profiled = input.profile?.phases.find(({ name }) => name === work.name) ?? null;
      const { threads } = given;
      const request = { work, machineModel, threads, measuredSeconds: median(seconds), profiled };
      // How long a window lasts is the load's affair, and nothing to predict.
      return [placePhase({ ...request, factors: work.name === 'serve' ? null : factors })];
    }),
  };
}

function physicsOf(
  { roofs, device, experiment }: Evidence['input'],
  threads: number,
  cacheBytes: number | null,
): { machineModel: MachineModel; ceilings: RooflineRecord['ceilings'] } | null {
  const measured = roofs === null ? null : measuredMachine(roofs, named(device), threads, cacheBytes);
  if (roofs !== null && measured !== null) {
    return { machineModel: measured, ceilings: { origin: 'measured', id: roofs.id, name: device.name } };
  }
  const published = hardwareNamed(device.name) ?? hardwareNamed(experiment.device.split(':')[1] ?? '');
  if (published === null) return null;
  const ceilings = { origin: 'published' as const, id: published.id, name: published.name };
  return { machineModel: publishedMachine(publishedCeilings(published)), ceilings };
}

/** @returns a device as roofs know it. */
export const named = ({ name }: { readonly name: string }) => ({ name, memoryBytes: null });
