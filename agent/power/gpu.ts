import type { GpuSettings } from '../../process/device/nvml-settings.js';
import { type Control, type ControlSearch, type Found, type Range, settingError } from './control.js';

/** The clocks that a GPU has while no trial sets one, in MHz; null = the driver chooses. */
export type RestingClocks = { readonly least: number; readonly most: number } | null;

/** @returns the power limit of a GPU, which lies within what its driver names. */
export function findGpuPower(uuid: string, gpu: GpuSettings): ControlSearch {
  const range = gpu.powerRangeMilliwatts();
  const milliwatts = gpu.powerLimitMilliwatts();
  if (range === null || milliwatts === null) {
    return { found: false, name: 'powerCapWatts', reason: `${uuid} has no power limit that can be set` };
  }
  const reading = () => {
    const now = gpu.powerLimitMilliwatts();
    if (now === null) throw settingError(`the power limit of ${uuid} cannot be read`);
    return now;
  };
  const write = (value: number) => {
    const refused = gpu.setPowerLimit(value);
    if (refused !== null)
      throw settingError(`the power limit of ${uuid} was not set to ${value / 1000} W: ${refused}`);
    const now = reading();
    if (now !== value)
      throw settingError(`the power limit of ${uuid} reads ${now / 1000} W after ${value / 1000} W were set`);
  };
  const control: Control = {
    id: `gpu-power:${uuid}`,
    name: 'powerCapWatts',
    part: uuid,
    cpus: [],
    read: () => ({ milliwatts: reading() }),
    range: (found): Range => ({
      least: range.least / 1000,
      most: Math.min(range.most, found.milliwatts!) / 1000,
    }),
    reading: () => reading() / 1000,
    set(watts) {
      write(Math.round(watts * 1000));
      return watts;
    },
    restore: (found) => write(found.milliwatts!),
  };
  return { found: true, control };
}

/**
 * @param resting what to go back to. NVML sets a range of clocks and tells nobody which one is set, so an
 *   operator who keeps GPUs locked has to say so; else they are unlocked.
 */
export function findGpuClock(uuid: string, gpu: GpuSettings, resting: RestingClocks): ControlSearch {
  const clocks = gpu.clocksMegahertz();
  const name = 'lockedClockHertz';
  if (clocks.length === 0) return { found: false, name, reason: `the driver lists no clocks of ${uuid}` };
  const check = (refused: string | null, what: string) => {
    if (refused !== null) throw settingError(`the clocks of ${uuid} were not ${what}: ${refused}`);
  };
  const control: Control = {
    id: `gpu-clock:${uuid}`,
    name,
    part: uuid,
    cpus: [],
    read: (): Found => (resting === null ? {} : { least: resting.least, most: resting.most }),
    range: (found): Range => ({
      least: clocks[0]! * 1e6,
      most: Math.min(clocks.at(-1)!, found.most ?? Infinity) * 1e6,
    }),
    reading: () => null,
    set(hertz) {
      const nearest = clocks.reduce((best, clock) =>
        Math.abs(clock * 1e6 - hertz) < Math.abs(best * 1e6 - hertz) ? clock : best,
      );
      check(gpu.lockClocks(nearest, nearest), `locked at ${nearest} MHz`);
      return nearest * 1e6;
    },
    restore({ least, most }) {
      if (least === undefined || most === undefined) check(gpu.resetClocks(), 'unlocked');
      else check(gpu.lockClocks(least, most), `locked at ${least}-${most} MHz again`);
    },
  };
  return { found: true, control };
}
