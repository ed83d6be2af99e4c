import type { ModelArchitecture } from '../../core/work/architecture.js';
import { devicesOf } from '../../core/work/pass/devices.js';
import type { Parallelism } from '../../core/work/pass/setting.js';

/** The parts of the split that are given; null = the best value is chosen. */
export type WantedSplit = { readonly [Way in keyof Parallelism]: number | null };

/**
 * @returns the fewest devices for the given parts; experts and matrices share the same devices.
 */
export function fewestDevices({ tensor, pipeline, expert }: WantedSplit): number {
  return devicesOf({ tensor: tensor ?? 1, pipeline: pipeline ?? 1, expert: expert ?? 1 });
}

/**
 * Every way to divide a model over exactly this many devices: into stages, and in each stage matrices over
 * devices and experts over the same devices or more of them. Whether a model allows a split is not checked
 * here.
 */
export function splitsOf(
  { layers }: Pick<ModelArchitecture, 'layers'>,
  devices: number,
  wanted: WantedSplit,
): Parallelism[] {
  const mixture = layers.some(({ feedForward }) => feedForward.experts !== null);
  const splits = divisorsOf(devices).flatMap((pipeline) => {
    const group = devices / pipeline;
    return divisorsOf(group).flatMap((tensor): Parallelism[] => [
      ...(tensor === group ? [{ tensor, pipeline, expert: 1 }] : []),
      ...(mixture && group > 1 ? [{ tensor, pipeline, expert: group }] : []),
    ]);
  });
  const fits = (value: number, decided: number | null) => decided === null || decided === value;
  return splits.filter(
    ({ tensor, pipeline, expert }) =>
      fits(tensor, wanted.tensor) && fits(pipeline, wanted.pipeline) && fits(expert, wanted.expert),
  );
}

function divisorsOf(number: number): number[] {
  return Array.from({ length: number }, (_, i) => i + 1).filter((divisor) => number % divisor === 0);
}
