import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { systemText } from '../../process/device/system-text.js';
import { type Control, type ControlSearch, type Found, type Range, settingError } from './control.js';
import { attempt, readNumber, requireNumber, writeNumber } from './system-file.js';

/**
 * Power limits of CPU packages: the constraints of the kernel's powercap tree (kernel docs, power/powercap). The average over a long
 * window and the one over a short window are both set, so that nothing bursts above the cap for seconds; AMD's
 * zones count energy and have no constraint.
 */
const LONG = 'long_term';
const SHORT = 'short_term';
/** Where firmware names no least limit: below this share of the most a machine hardly moves. */
const LEAST_SHARE = 0.1;
/** Half the step of the hardware's unit is at most a sixteenth of a watt (Intel SDM 15.10.1: 1/8 W); whole ones are asked for. */
const TAKEN_WATTS = 0.5;

/** @returns the limit of each package that these CPUs lie on, or why there is none. */
export function findPackagePower(cpus: readonly number[], sysRoot: string): ControlSearch[] {
  const absent = (reason: string): ControlSearch[] => [{ found: false, name: 'powerCapWatts', reason }];
  const zones = zonesIn(sysRoot);
  if (zones.length === 0) return absent('no RAPL in /sys/class/powercap');
  const packages = [...new Set(cpus.map((cpu) => packageOf(cpu, sysRoot)))];
  const wanted = zones.filter(({ socket }) => packages.includes(socket));
  if (packages.some((socket) => !wanted.some((zone) => zone.socket === socket))) {
    return absent('RAPL has no zone for the package of these CPUs');
  }
  const controls = wanted.map(({ zone }) => openPackagePower(zone, sysRoot));
  return controls.find((search) => !search.found)
    ? absent('RAPL counts energy here but offers no power limit')
    : controls;
}

/** @param zone number of the zone: 0 of `intel-rapl:0`. */
export function openPackagePower(zone: number, sysRoot: string): ControlSearch {
  const folder = join(sysRoot, `class/powercap/intel-rapl:${zone}`);
  const constraints = constraintsIn(folder);
  const long = constraints.get(LONG);
  if (long === undefined) {
    return { found: false, name: 'powerCapWatts', reason: `intel-rapl:${zone} has no limit ${LONG}` };
  }
  return { found: true, control: new PackagePower(zone, folder, constraints, sysRoot) };
}

class PackagePower implements Control {
  readonly id: string;
  readonly name = 'powerCapWatts';
  readonly part: string;
  readonly cpus: readonly number[];
  readonly #folder: string;
  /** Number of the constraint by its name. */
  readonly #constraints: ReadonlyMap<string, number>;

  constructor(zone: number, folder: string, constraints: ReadonlyMap<string, number>, sysRoot: string) {
    this.id = `rapl:${zone}`;
    this.part = systemText(join(folder, 'name')) ?? `intel-rapl:${zone}`;
    this.#folder = folder;
    this.#constraints = constraints;
    const socket = socketOf(this.part);
    this.cpus = onlineCpus(sysRoot).filter((cpu) => packageOf(cpu, sysRoot) === socket);
  }

  /** Microwatts by constraint, and whether limits are enforced at all. */
  read(): Found {
    const enabled = readNumber(join(this.#folder, 'enabled'));
    return {
      ...Object.fromEntries(
        [...this.#constraints.keys()].map((name) => [name, requireNumber(this.#limit(name))]),
      ),
      ...(enabled === null ? {} : { enabled }),
    };
  }

  range(found: Found): Range {
    const microwatts = (what: string) => {
      const value = readNumber(
        join(this.#folder, `constraint_${this.#constraints.get(LONG)}_${what}_power_uw`),
      );
      // Firmware that does not say writes 0.
      return value === null || value === 0 ? null : value;
    };
    const most = Math.min(microwatts('max') ?? Infinity, found[LONG]!);
    return { least: Math.ceil((microwatts('min') ?? most * LEAST_SHARE) / 1e6), most: most / 1e6 };
  }

  reading(): number {
    return requireNumber(this.#limit(LONG)) / 1e6;
  }

  set(watts: number): number {
    // The long one first: at no time may it lie above the short one, which some firmware refuses.
    for (const name of [LONG, SHORT])
      if (this.#constraints.has(name)) writeNumber(this.#limit(name), watts * 1e6);
    if (readNumber(join(this.#folder, 'enabled')) === 0) writeNumber(join(this.#folder, 'enabled'), 1);
    const taken = this.reading();
    if (Math.abs(taken - watts) > TAKEN_WATTS) {
      throw settingError(`the power limit of ${this.part} reads ${taken} W after ${watts} W were written`, {
        hint: 'The firmware may have locked it.',
      });
    }
    return watts;
  }

  restore(found: Found): void {
    const refused = attempt([
      ...[SHORT, LONG].map((name) => () => {
        if (found[name] !== undefined) writeNumber(this.#limit(name), found[name]);
      }),
      () => {
        if (found.enabled === 0) writeNumber(join(this.#folder, 'enabled'), 0);
      },
    ]);
    for (const [name, value] of Object.entries(this.read())) {
      const before = found[name] ?? value;
      const close = name === 'enabled' ? 0 : TAKEN_WATTS * 1e6;
      if (Math.abs(value - before) > close) {
        throw settingError(
          `${name} of ${this.part} is ${value} and was ${before} before the trial ${refused}`.trim(),
        );
      }
    }
  }

  #limit(name: string): string {
    return join(this.#folder, `constraint_${this.#constraints.get(name)}_power_limit_uw`);
  }
}

/** Zones of whole packages; parts of them have names of their own. A package of several dies has several. */
function zonesIn(sysRoot: string): { zone: number; socket: number }[] {
  return entriesOf(join(sysRoot, 'class/powercap')).flatMap((entry) => {
    const zone = /^intel-rapl:(\d+)$/.exec(entry)?.[1];
    if (zone === undefined) return [];
    const socket = socketOf(systemText(join(sysRoot, 'class/powercap', entry, 'name')) ?? '');
    return socket === null ? [] : [{ zone: Number(zone), socket }];
  });
}

function socketOf(name: string): number | null {
  const socket = /^package-(\d+)(-die-\d+)?$/.exec(name)?.[1];
  return socket === undefined ? null : Number(socket);
}

/** The limits that are set here, by name. */
function constraintsIn(folder: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const entry of entriesOf(folder)) {
    const number = /^constraint_(\d+)_name$/.exec(entry)?.[1];
    const name = number === undefined ? null : systemText(join(folder, entry));
    if (name === LONG || name === SHORT) found.set(name, Number(number));
  }
  return found;
}

/** Where the system does not say, there is one package. */
function packageOf(cpu: number, sysRoot: string): number {
  return readNumber(join(sysRoot, `devices/system/cpu/cpu${cpu}/topology/physical_package_id`)) ?? 0;
}

function onlineCpus(sysRoot: string): number[] {
  return entriesOf(join(sysRoot, 'devices/system/cpu')).flatMap((entry) => {
    const cpu = /^cpu(\d+)$/.exec(entry)?.[1];
    return cpu === undefined ? [] : [Number(cpu)];
  });
}

function entriesOf(folder: string): string[] {
  return orElse(() => readdirSync(folder).sort(), []);
}
