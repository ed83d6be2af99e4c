import type { MeterName } from '../../core/metrics/meters.js';
import type { GpuProcess } from '../../process/device/nvml/processes.js';
import type { NvmlDevice } from '../../process/device/nvml.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { parentOf } from '../../process/isolation/processes.js';
import {
  energyQuantity,
  type Meter,
  type MeterTarget,
  type Quantity,
  quantity,
  type Reading,
} from './meter.js';

/** What a list of a device's processes says of the trial. */
interface DeviceUse {
  /** Device memory of the trial's processes; null when none of them is listed, or the driver does not say. */
  readonly ownBytes: number | null;
  /** Processes that are not of the trial; null when that cannot be told. */
  readonly others: number | null;
}

/**
 * Tells the trial's processes from others by their ancestors: a server that a trial started computes in a
 * child of its child. If processes are listed and none is the trial's, their numbers may belong to another
 * namespace (an agent in a container); then nothing is told.
 */
export class ProcessFamily {
  readonly #procRoot: string;
  readonly #known = new Map<number, boolean>();
  /** None = nobody is attached, or nobody knows who computes. */
  #targets: readonly number[] = [];

  constructor(procRoot = '/proc') {
    this.#procRoot = procRoot;
  }

  attach(target: MeterTarget | null): void {
    this.#targets = target?.processes.map(({ pid }) => pid) ?? [];
    this.#known.clear();
  }

  /** @returns null while no trial is there, or the driver lists nothing. */
  use(processes: readonly GpuProcess[] | null): DeviceUse | null {
    if (processes === null || this.#targets.length === 0) return null;
    if (processes.length === 0) return { ownBytes: null, others: 0 };
    const own = processes.filter(({ pid }) => this.#isOwn(pid));
    const bytes = own.map(({ usedBytes }) => usedBytes).filter((used) => used !== null);
    return {
      ownBytes:
        own.length > 0 && bytes.length === own.length ? bytes.reduce((sum, used) => sum + used, 0) : null,
      others: own.length === 0 ? null : processes.length - own.length,
    };
  }

  #isOwn(pid: number): boolean {
    const known = this.#known.get(pid);
    if (known !== undefined) return known;
    let at: number | null = pid;
    while (at !== null && at > 1 && !this.#targets.includes(at)) at = parentOf(at, this.#procRoot);
    const own = at !== null && this.#targets.includes(at);
    this.#known.set(pid, own);
    return own;
  }
}

/** One question to the driver, and the quantities that its answer holds, in their order. */
interface Source {
  readonly quantities: readonly Quantity[];
  read(): readonly (number | null)[];
  /** True when a null is no failure of the driver's: nobody is attached, or nothing can be told. */
  readonly mayBeSilent?: true;
}

/**
 * Two meters for one GPU: energy and power ten times a second, and the slower state of the device, since
 * each question to the driver costs time on the host.
 *
 * @param siblings the node's other devices: a trial that computes there too has energy nobody counts.
 */
export function nvmlMeters(
  device: NvmlDevice,
  siblings: readonly NvmlDevice[] = [],
  procRoot = '/proc',
): readonly Meter[] {
  const family = new ProcessFamily(procRoot);
  return [
    new NvmlMeter('nvml', 0.1, energySources(device)),
    new NvmlMeter(
      'nvml-state',
      0.5,
      stateSources(device, family),
      family,
      otherDevicesSource(siblings, family),
    ),
  ];
}

/** A MIG instance has no energy of its own: what the driver tells is the board's, and no trial's. */
function energySources(device: NvmlDevice): Source[] {
  const domain = device.board === null ? 'gpu' : 'board';
  return [
    { quantities: [energyQuantity('energyJoules', domain)], read: () => [device.energyJoules()] },
    {
      quantities: [
        energyQuantity('powerWatts', domain),
        energyQuantity('powerAverageWatts', domain),
        energyQuantity('powerWatts', 'module'),
        energyQuantity('powerWatts', 'device-memory'),
        quantity('deviceMemoryTemperatureCelsius'),
      ],
      read() {
        const { powerWatts, averagePowerWatts, modulePowerWatts, ...memory } = device.fields();
        const ofMemory = [memory.memoryPowerWatts, memory.memoryTemperatureCelsius];
        return [powerWatts, averagePowerWatts, modulePowerWatts, ...ofMemory];
      },
    },
  ];
}

function stateSources(device: NvmlDevice, family: ProcessFamily): Source[] {
  const sourceOf = (quantity: Quantity, read: () => number | null): Source => ({
    quantities: [quantity],
    read: () => [read()],
  });
  const processes: Source = {
    quantities: [quantity('processDeviceMemoryBytes'), quantity('otherDeviceProcesses')],
    read() {
      const use = family.use(device.processes());
      return [use?.ownBytes ?? null, use?.others ?? null];
    },
    mayBeSilent: true,
  };
  return [
    sourceOf(quantity('deviceMemoryBytes'), () => device.memoryUsedBytes()),
    sourceOf(quantity('deviceClockHertz'), () => device.clockHertz()),
    sourceOf(quantity('deviceMemoryClockHertz'), () => device.memoryClockHertz()),
    {
      quantities: [quantity('deviceUtilizationRatio'), quantity('deviceMemoryUtilizationRatio')],
      read() {
        const shares = device.utilization();
        return [shares?.compute ?? null, shares?.memory ?? null];
      },
    },
    sourceOf(quantity('deviceTemperatureCelsius'), () => device.temperatureCelsius()),
    sourceOf(quantity('throttleReasons'), () => device.throttleReasons()),
    ...(device.processes() === null ? [] : [processes]),
  ];
}

/** On how many other devices the trial's processes compute. */
function otherDevicesSource(siblings: readonly NvmlDevice[], family: ProcessFamily): Source | null {
  if (siblings.length === 0) return null;
  return {
    quantities: [quantity('otherDevicesUsed')],
    read() {
      const uses = siblings.map((sibling) => family.use(sibling.processes()));
      if (uses.some((use) => use === null)) return [null];
      return [uses.filter((use) => use!.ownBytes !== null).length];
    },
    mayBeSilent: true,
  };
}

class NvmlMeter implements Meter {
  readonly name: MeterName;
  readonly ownRhythm = true;
  readonly periodSeconds: number;
  readonly quantities: readonly Quantity[];
  readonly #sources: readonly Source[];
  readonly #resting: Source | null;
  readonly #family: ProcessFamily | null;
  readonly #promised: ReadonlySet<string>;
  readonly #refused = new Map<string, number>();

  constructor(
    name: MeterName,
    periodSeconds: number,
    sources: readonly Source[],
    family: ProcessFamily | null = null,
    resting: Source | null = null,
  ) {
    this.name = name;
    this.periodSeconds = periodSeconds;
    this.#family = family;
    this.#resting = resting;
    // A quantity that this GPU does not have is not promised, and a source without any is not asked again.
    const first = sources.map((source) => source.read());
    const isReadable = (source: Source, at: number, index: number) =>
      source.mayBeSilent === true || first[at]![index] !== null;
    const present = sources.map((source, at) =>
      source.quantities.filter((_, index) => isReadable(source, at, index)),
    );
    this.#sources = sources.filter((_, at) => present[at]!.length > 0);
    this.quantities = [...present.flat(), ...(resting?.quantities ?? [])];
    this.#promised = new Set(this.quantities.map((quantity) => quantity.name));
  }

  attach(target: MeterTarget | null): void {
    this.#family?.attach(target);
  }

  read(): readonly Reading[] {
    const readings: Reading[] = [];
    for (const source of this.#sources) this.#ask(source, readings);
    return readings;
  }

  readResting(): readonly Reading[] {
    const readings: Reading[] = [];
    if (this.#resting !== null) this.#ask(this.#resting, readings);
    return readings;
  }

  refused(): ReadonlyMap<string, number> {
    return this.#refused;
  }

  close(): void {}

  #ask(source: Source, into: Reading[]): void {
    const values = source.read();
    // After the answer: a call can take a while, and the value is not older than this.
    const seconds = monotonicSeconds();
    for (let i = 0; i < values.length; i++) {
      const quantity = source.quantities[i]!.name;
      const value = values[i]!;
      if (value !== null) into.push({ quantity, seconds, value });
      else if (source.mayBeSilent !== true && this.#promised.has(quantity)) {
        this.#refused.set(quantity, (this.#refused.get(quantity) ?? 0) + 1);
      }
    }
  }
}
