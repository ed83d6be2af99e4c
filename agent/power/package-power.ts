import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { systemText } from '../../process/device/system-text.js';
import { type Control, type ControlSearch, settingError } from './control.js';
import { attempt, readNumber, requireNumber, writeNumber } from './system-file.js';

/**
 * Power limits of CPU packages: the constraints of the kernel's powercap tree (kernel docs, power/powercap).
 * The average over a long window and the one over a short window are both set, so that nothing bursts above
 * the cap for seconds; AMD's zones count energy and have no constraint.
 */
const LONG = 'long_term';
const SHORT = 'short_term';
/**
 * The smallest share of the largest limit that may be set if firmware names no smallest limit: below it a
 * machine hardly works at all.
 */
const LEAST_SHARE = 0.1;
/**
 * Half the step of the hardware's unit is at most a sixteenth of a watt (Intel SDM 15.10.1: 1/8 W); whole
 * ones are asked for.
 */
const TAKEN_WATTS = 0.5;

/** @returns the limit of each package that these CPUs lie on, or why there is none. */
export function findPackagePower(cpus: readonly number[], sysRoot: string): ControlSearch[] {
  const withoutControl = (reason: string): ControlSearch[] => [
    { found: false, name: 'powerCapWatts', reason },
  ];
  const zones = zonesIn(sysRoot);
  if (zones.length === 0) return withoutControl('no RAPL in /sys/class/powercap');
  const packages = [...new Set(cpus.map((cpu) => packageOf(cpu, sysRoot)))];
  const wanted = zones.filter(({ socket }) => packages.includes(socket));
  if (packages.some((socket) => !wanted.some((zone) => zone.socket === socket))) {
    return withoutControl('RAPL has no zone for the package of these CPUs');
  }
  const controls = wanted.map(({ zone }) => openPackagePower(zone, sysRoot));
  return controls.find((search) => !search.found)
    ? withoutControl('RAPL counts energy here but offers no power limit')
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
  return { found: true, control: packagePower(zone, folder, constraints, sysRoot) };
}

/** @param constraints number of each by its name. */
function packagePower(
  zone: number,
  folder: string,
  constraints: ReadonlyMap<string, number>,
  sysRoot: string,
): Control {
  const part = systemText(join(folder, 'name')) ?? `intel-rapl:${zone}`;
  const enabled = join(folder, 'enabled');
  const file = (name: string, what: string) => join(folder, `constraint_${constraints.get(name)}_${what}_uw`);
  const limit = (name: string) => file(name, 'power_limit');
  const control: Control = {
    id: `rapl:${zone}`,
    name: 'powerCapWatts',
    part,
    cpus: onlineCpus(sysRoot).filter((cpu) => packageOf(cpu, sysRoot) === socketOf(part)),
    /** Microwatts by constraint, and whether limits are enforced at all. */
    read() {
      const limits = [...constraints.keys()].map((name) => [name, requireNumber(limit(name))] as const);
      const enforced = readNumber(enabled);
      return { ...Object.fromEntries(limits), ...(enforced !== null && { enabled: enforced }) };
    },
    range(found) {
      // Firmware that does not say writes 0.
      const microwatts = (what: string) => readNumber(file(LONG, `${what}_power`)) || null;
      const most = Math.min(microwatts('max') ?? Infinity, found[LONG]!);
      return { least: Math.ceil((microwatts('min') ?? most * LEAST_SHARE) / 1e6), most: most / 1e6 };
    },
    reading: () => requireNumber(limit(LONG)) / 1e6,
    set(watts) {
      // The long one first: at no time may it lie above the short one, which some firmware refuses.
      for (const name of [LONG, SHORT]) if (constraints.has(name)) writeNumber(limit(name), watts * 1e6);
      if (readNumber(enabled) === 0) writeNumber(enabled, 1);
      const taken = requireNumber(limit(LONG)) / 1e6;
      if (Math.abs(taken - watts) <= TAKEN_WATTS) return watts;
      throw settingError(`the power limit of ${part} reads ${taken} W after ${watts} W were written`, {
        hint: 'The firmware may have locked it.',
      });
    },
    restore(found) {
      const refused = attempt([
        ...[SHORT, LONG].map((name) => () => {
          if (found[name] !== undefined) writeNumber(limit(name), found[name]);
        }),
        () => {
          if (found.enabled === 0) writeNumber(enabled, 0);
        },
      ]);
      for (const [name, value] of Object.entries(control.read())) {
        const before = found[name] ?? value;
        const close = name === 'enabled' ? 0 : TAKEN_WATTS * 1e6;
        if (Math.abs(value - before) <= close) continue;
        throw settingError(
          `${name} of ${part} is ${value} and was ${before} before the trial ${refused}`.trim(),
        );
      }
    },
  };
  return control;
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
