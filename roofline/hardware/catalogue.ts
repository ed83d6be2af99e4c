import { FailureError, failure } from '../../core/errors.js';
import { nearest } from '../../core/input/suggest.js';
import { AMD } from './amd.js';
import { APPLE } from './apple.js';
import { CPUS } from './cpu.js';
import type { Hardware } from './figure.js';
import { NPUS } from './npu.js';
import { NVIDIA_CARDS } from './nvidia-cards.js';
import { NVIDIA_DATACENTER } from './nvidia-datacenter.js';
import { NVIDIA_JETSON } from './nvidia-jetson.js';

/** Every device whose maker's figures we have, in the order in which they are listed. */
export const HARDWARE: readonly Hardware[] = [
  ...NVIDIA_DATACENTER,
  ...NVIDIA_CARDS,
  ...NVIDIA_JETSON,
  ...AMD,
  ...APPLE,
  ...CPUS,
  ...NPUS,
];

/** Case and what stands between the letters are what people write differently: `NVIDIA A100-SXM4-80GB`, `a100_sxm4_80gb`. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9+]/g, '');
}

const BY_NAME: ReadonlyMap<string, Hardware> = new Map(
  HARDWARE.flatMap((device) => namesOf(device).map((name) => [plainName(name), device])),
);

/** @returns every name a device is found by. */
export function namesOf({ id, name, aliases }: Hardware): readonly string[] {
  return [id, name, ...aliases];
}

/** @returns the device of that name, or null. */
export function hardwareNamed(name: string): Hardware | null {
  return BY_NAME.get(plainName(name)) ?? null;
}

/** @throws FailureError `device-missing` that offers the nearest name */
export function requireHardware(name: string): Hardware {
  const found = hardwareNamed(name);
  if (found !== null) return found;
  const guess = nearest(name, [...HARDWARE.map(({ id }) => id), ...HARDWARE.flatMap(namesOf)]);
  const hint = `${guess === null ? alike(name) : `Did you mean ${guess}? `}\`ridge roofline --list\` shows every device.`;
  throw new FailureError(
    failure('device-missing', `there is no device ${JSON.stringify(name)} in the hardware catalogue`, {
      hint,
    }),
  );
}

/** Devices whose names begin with the same letters: what `rtx` and `rtx9` may have meant. */
function alike(name: string): string {
  const letters = /^[a-z]{2,}/.exec(plainName(name))?.[0];
  const found = letters === undefined ? [] : HARDWARE.filter(({ id }) => plainName(id).startsWith(letters));
  return found.length === 0 ? '' : `Known here are ${found.map(({ id }) => id).join(', ')}. `;
}
