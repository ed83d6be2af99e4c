import { failed } from '../../core/errors.js';
import { nearest } from '../../core/input/suggest.js';
import listed from './devices.json' with { type: 'json' };
import type { Figure, Hardware, Peaks } from './figure.js';

type Single = 'memoryBytes' | 'onChipBytes' | 'peerBytesPerSecond' | 'hostBytesPerSecond' | 'watts';

/** Peaks with a common source (and note); all other keys are peaks in operations per second. */
type ListedPeaks = Readonly<Record<string, string | number>>;

/**
 * A device in devices.json. A `source` is a key of the file's `sources`, and unpublished figures are left
 * out.
 */
type Listed = Pick<Hardware, 'id' | 'name' | 'aliases' | 'kind' | 'memoryBytesPerSecond'> &
  Partial<Readonly<Record<Single, Figure>>> &
  Partial<Readonly<Record<'peaks' | 'sparsePeaks', readonly ListedPeaks[]>>>;

/** Every device whose maker's figures we have, in the order in which they are listed in devices.json. */
export const HARDWARE: readonly Hardware[] = readDevices();

function readDevices(): Hardware[] {
  const { sources, devices } = listed as {
    readonly sources: Readonly<Record<string, string>>;
    readonly devices: readonly Listed[];
  };
  const figure = (listed: Figure): Figure => ({ ...listed, source: sources[listed.source]! });
  const known = (listed: Figure | undefined) => (listed === undefined ? null : figure(listed));
  const peaks = (groups: readonly ListedPeaks[] = []): Peaks =>
    Object.fromEntries(
      groups.flatMap(({ source, note, ...values }) =>
        Object.entries(values).map(([arithmetic, value]) => [
          arithmetic,
          figure({ value, source, ...(note !== undefined && { note }) } as Figure),
        ]),
      ),
    );
  return devices.map((device) => ({
    id: device.id,
    name: device.name,
    aliases: device.aliases,
    kind: device.kind,
    memoryBytes: known(device.memoryBytes),
    memoryBytesPerSecond: figure(device.memoryBytesPerSecond),
    onChipBytes: known(device.onChipBytes),
    peaks: peaks(device.peaks),
    sparsePeaks: peaks(device.sparsePeaks),
    peerBytesPerSecond: known(device.peerBytesPerSecond),
    hostBytesPerSecond: known(device.hostBytesPerSecond),
    watts: known(device.watts),
  }));
}

/**
 * Removes case and separators, in which spellings differ: `NVIDIA A100-SXM4-80GB`,
 * `a100_sxm4_80gb`.
 */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9+]/g, '');
}

const BY_NAME: ReadonlyMap<string, Hardware> = new Map(
  HARDWARE.flatMap((device) => namesOf(device).map((name) => [plainName(name), device])),
);

/** @returns every name by which a device can be found. */
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
  const hint = `${guess === null ? similarDevices(name) : `Did you mean ${guess}? `}\`ridge roofline --list\` shows every device.`;
  throw failed(
    'device-missing',
    `there is no device ${JSON.stringify(name)} in the hardware catalogue`,
    hint,
  );
}

/** Devices whose names begin with the same letters, which `rtx` or `rtx9` may have meant. */
function similarDevices(name: string): string {
  const letters = /^[a-z]{2,}/.exec(plainName(name))?.[0];
  const found = letters === undefined ? [] : HARDWARE.filter(({ id }) => plainName(id).startsWith(letters));
  return found.length === 0 ? '' : `Known here are ${found.map(({ id }) => id).join(', ')}. `;
}
