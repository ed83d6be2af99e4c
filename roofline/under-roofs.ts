import type { RecordFactors } from '../core/result/factors.js';
import type { RooflineGiven, RooflinePhase, RooflineRecord } from '../core/result/roofline-record.js';
import type { RecordRoofs } from '../core/result/roofs-record.js';
import { isFitted } from '../core/runners/index.js';
import type { PhaseWork } from '../core/work/phase-work.js';
import type { Evidence } from '../judgement/evidence.js';
import { median } from '../statistics/quantile.js';
import { publishedCeilings } from './ceilings.js';
import { hardwareNamed } from './hardware/catalogue.js';
import { type MachineModel, measuredMachine, publishedMachine } from './machine-model.js';
import { type PlacementRequest, placePhase } from './placement.js';

/**
 * Places phases under the ceilings of their devices, measured ones before published ones.
 * @param phases each in its parts of one device after the other: one, unless the devices have different
 *   layers.
 * @param secondsOf of each repeat; a phase without any is left out.
 * @param from index of the device that has the first part: 0 = the trial's own.
 * @returns the block of a record, or why there is none.
 */
export function underRoofs(
  input: Evidence['input'],
  given: RooflineGiven,
  phases: readonly (readonly PhaseWork[])[],
  secondsOf: (name: PhaseWork['name']) => readonly number[],
  from = 0,
): RooflineRecord | string {
  const own = { name: input.device.name, roofs: input.roofs, factors: given.factors };
  const count = Math.max(1, ...phases.map(({ length }) => length));
  const devices = [own, ...(given.others ?? [])].slice(from, from + count);
  const machines = machinesOf(devices, input, given, from);
  if (typeof machines === 'string') return machines;
  const [{ ceilings }] = machines;
  const { stages } = given;
  const measured = ceilings.origin === 'measured';
  const fitted = isFitted(input.experiment);
  const builds = fitted ? otherBuilds(input, devices) : [];
  const factorsOf = (device: number): PlacementRequest['factors'] =>
    !measured ? null : fitted ? (devices[device]!.factors?.factors ?? null) : 'roofs';
  return {
    ceilings,
    threads: given.threads,
    factors: measured && fitted ? (devices[0]!.factors?.id ?? null) : null,
    phases: phases.flatMap((parts) => {
      const { name } = parts[0]!;
      const seconds = secondsOf(name);
      if (seconds.length === 0) return [];
      const profiled = input.profile?.phases.find((phase) => phase.name === name) ?? null;
      const [first, ...behind] = parts.map((work, device) => ({
        work,
        machineModel: machines[device]!.machineModel,
        // How long a window lasts is the load's affair, and nothing to predict; no factors were fitted on
        // encoders.
        factors: name === 'serve' || name === 'infer' ? null : factorsOf(device),
      }));
      const request = { ...first!, threads: given.threads, measuredSeconds: median(seconds), profiled };
      // A step has to be through before the next one begins.
      const overlaps = stages?.overlaps === true && name === 'prefill';
      return [beyondToo(placePhase({ ...request, behind, overlaps }), builds)];
    }),
    ...(stages !== undefined && {
      stages: stages.layers.map((layers, device) => ({ ceilings: machines[device]!.ceilings, layers })),
    }),
  };
}

/** @returns what is said of factors that were fitted of another build of the engine than the one that ran. */
function otherBuilds(
  { environment }: Evidence['input'],
  devices: readonly { readonly factors: RecordFactors | null }[],
): string[] {
  const { engineBuild: here } = environment;
  const fitted = new Set(devices.flatMap(({ factors }) => factors?.engineBuild ?? []));
  if (here === undefined) return [];
  return [...fitted]
    .filter((build) => build !== here)
    .map((build) => `engine build ${here} (factors of ${build})`);
}

function beyondToo(phase: RooflinePhase, more: readonly string[]): RooflinePhase {
  const { predictionError: error } = phase;
  if (error === undefined || more.length === 0) return phase;
  return { ...phase, predictionError: { ...error, beyond: [...error.beyond, ...more] } };
}

interface Machine {
  readonly machineModel: MachineModel;
  readonly ceilings: RooflineRecord['ceilings'];
}

/** @returns all measured, or all published, or why there are none of either kind. */
function machinesOf(
  devices: readonly { readonly name: string; readonly roofs: RecordRoofs | null }[],
  { absent, experiment }: Evidence['input'],
  { threads, cacheBytes }: RooflineGiven,
  from: number,
): readonly [Machine, ...Machine[]] | string {
  const measured = devices.map(({ name, roofs }) => {
    const machineModel = roofs === null ? null : measuredMachine(roofs, named({ name }), threads, cacheBytes);
    return machineModel === null
      ? null
      : { machineModel, ceilings: { origin: 'measured' as const, id: roofs!.id, name } };
  });
  if (isWhole(measured)) return measured;
  const published = devices.map(({ name }) => {
    const found = hardwareNamed(name) ?? hardwareNamed(experiment.device.split(':')[1] ?? '');
    if (found === null) return null;
    const ceilings = { origin: 'published' as const, id: found.id, name: found.name };
    return { machineModel: publishedMachine(publishedCeilings(found)), ceilings };
  });
  if (isWhole(published)) return published;
  const at = measured.indexOf(null);
  const { name } = devices[published.indexOf(null)]!;
  const why =
    at + from === 0
      ? (absent.roofs ?? 'no roofs were measured on this device')
      : `no roofs of ${devices[at]!.name} were measured`;
  return `${why}, and the hardware catalogue has no ${name}`;
}

function isWhole(machines: readonly (Machine | null)[]): machines is readonly [Machine, ...Machine[]] {
  return machines.length > 0 && !machines.includes(null);
}

/** @returns a device as roofs know it. */
export const named = ({ name }: { readonly name: string }) => ({ name, memoryBytes: null });
