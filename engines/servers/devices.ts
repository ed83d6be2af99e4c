import type { Options } from '../../core/experiment/experiment.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { isLoopbackHost } from '../../core/loopback.js';
import { devicesOf, type ServedSplit, splitAsked } from '../../core/work/served-work.js';
import type { NvmlDevice } from '../../process/device/nvml.js';
import type { ConfiguredServer } from './config.js';

/**
 * @param held devices of the trial's lease, which it sees where its entry names none.
 * @returns why a server cannot spread a model over as many GPUs as a point asks; null = it can, or takes
 *   none.
 */
export function gpusMissing(
  { name, address, devices }: ConfiguredServer,
  options: Options,
  deviceClass: string,
  held: number,
): string | null {
  if (address !== null || deviceClass === 'cpu') return null;
  const needed = devicesOf(splitAsked(options));
  const seen = devices?.length ?? held;
  return needed <= seen
    ? null
    : `${needed} GPUs are asked for and the server ${name} sees ${seen}: name them in servers.${name}.devices`;
}

/**
 * @returns how a server spreads the model over devices, or in one clause why that is not known here: then its
 *   work has no roofs to stand under.
 */
export function splitOf(
  { name, address, devices }: ConfiguredServer,
  options: Options,
  deviceClass: string,
  held: number,
): ServedSplit | string {
  const { tensorParallel, pipelineParallel, dataParallel } = options;
  const split = splitAsked(options);
  if (address !== null && !isLocal(address))
    return `the server ${name} runs on another machine, whose roofs are not known here`;
  if (deviceClass === 'cpu') return split;
  const used = devicesOf(split);
  const said = [tensorParallel, pipelineParallel, dataParallel].some((value) => typeof value === 'number');
  if (address !== null && !said)
    return `over how many GPUs the server ${name} spreads the model is not known: say it with tensorParallel`;
  const seen = address === null ? (devices?.length ?? held) : used;
  return used === seen
    ? split
    : `the server ${name} sees ${seen} GPUs and is told to use ${used}: over how many it spreads the model is not known`;
}

/** @returns whether an address is of this machine. */
export function isLocal(address: string): boolean {
  return isLoopbackHost(new URL(address).hostname);
}

/**
 * @returns the UUIDs of the GPUs that a server sees: as CUDA_VISIBLE_DEVICES spells them, the start of a UUID
 *   or a place in the order of the PCI bus, which is the driver's. The device of the trial alone where one of
 *   them cannot be told: then a row that used others says so.
 */
export function gpusOf(
  { devices }: Pick<ConfiguredServer, 'devices'>,
  { id, classes }: Pick<DeviceProfile, 'id' | 'classes'>,
  held: readonly string[],
  all: readonly Pick<NvmlDevice, 'uuid' | 'board'>[],
): readonly string[] {
  if (classes.includes('cpu')) return [id];
  if (devices === null) return held;
  // Instances stand in the place of their GPU, so that places are others.
  const whole = all.every(({ board }) => board === null);
  const byPlace = (named: string) => whole && all[Number(named)]?.uuid;
  const byStart = (named: string) => all.find(({ uuid }) => uuid.startsWith(named))?.uuid;
  const found = devices.map((named) => (/^\d+$/.test(named) ? byPlace(named) : byStart(named)));
  const known = found.filter((uuid) => typeof uuid === 'string');
  return known.length === devices.length ? known : [id];
}
