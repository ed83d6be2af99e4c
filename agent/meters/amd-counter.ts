import { setTimeout as sleep } from 'node:timers/promises';
import type { AmdSmi } from '../../process/device/amd-smi.js';
import type { SysfsGpu } from '../../process/device/sysfs-gpus.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { type AmdCounter, findAmdMeter } from './amd.js';

/** Wide, for the counter's steps are coarse and power is an average: it tells wrong units from right ones. */
const BELIEVABLE = { least: 0.1, most: 10 };
const WATCH_SECONDS = 0.5;

/**
 * Watches the energy counter of an AMD GPU for a moment beside its power: on some boards and releases it counts in
 * other units than it says (ROCm/amdsmi#38), or not at all.
 * @returns the counter, or why it is not used.
 */
export async function believedCounter(
  gpu: SysfsGpu,
  amdSmi: AmdSmi,
  watchSeconds = WATCH_SECONDS,
): Promise<AmdCounter> {
  const power = findAmdMeter(gpu, { reason: '' });
  const watts = () => (power.found ? (power.meter.read()[0]?.value ?? null) : null);
  const read = () => ({
    seconds: monotonicSeconds(),
    joules: amdSmi.energyJoules(gpu.pciAddress),
    watts: watts(),
  });
  const first = read();
  await sleep(watchSeconds * 1000);
  const last = read();
  if (power.found) power.meter.close();
  if (first.joules === null || last.joules === null)
    return { reason: `${amdSmi.library} has no energy counter for it` };
  const counted = (last.joules - first.joules) / (last.seconds - first.seconds);
  if (counted <= 0) return { reason: `the energy counter of ${amdSmi.library} does not move` };
  if (first.watts === null || last.watts === null) return { amdSmi };
  const shown = (first.watts + last.watts) / 2;
  if (counted > BELIEVABLE.least * shown && counted < BELIEVABLE.most * shown) return { amdSmi };
  const reason = `the energy counter of ${amdSmi.library} counts ${counted.toPrecision(3)} W while the board draws ${shown.toPrecision(3)} W, so it is not used`;
  return { reason };
}
