import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { formatCpuList, parseCpuList } from '../../process/device/affinity.js';
import { systemText } from '../../process/device/system-text.js';
import { type Control, type ControlSearch, settingError } from './control.js';
import { attempt, readNumber, requireNumber, writeNumber } from './system-file.js';

/**
 * A fixed frequency of CPUs: least and most of their cpufreq policies made equal (kernel docs,
 * admin-guide/pm/cpufreq). The kernel asks the hardware for it; turbo and heat may still say otherwise, which
 * the clock meter sees.
 */
export function findCpuClock(cpus: readonly number[], sysRoot: string): ControlSearch {
  const policies = policiesIn(sysRoot).filter((policy) => policy.cpus.some((cpu) => cpus.includes(cpu)));
  const covered = policies.flatMap((policy) => policy.cpus);
  if (cpus.every((cpu) => covered.includes(cpu)))
    return { found: true, control: cpuClock(policies, sysRoot) };
  const reason = 'no cpufreq policy for these CPUs: most virtual machines have none';
  return { found: false, name: 'lockedClockHertz', reason };
}

/** @param numbers of the policies, as a control's id names them. */
export function openCpuClock(numbers: readonly number[], sysRoot: string): ControlSearch {
  const policies = policiesIn(sysRoot).filter(({ number }) => numbers.includes(number));
  if (policies.length === numbers.length) return { found: true, control: cpuClock(policies, sysRoot) };
  const reason = `a cpufreq policy of ${numbers.join(',')} is gone`;
  return { found: false, name: 'lockedClockHertz', reason };
}

interface Policy {
  readonly number: number;
  readonly cpus: readonly number[];
}

function cpuClock(policies: readonly Policy[], sysRoot: string): Control {
  const file = (policy: number, name: string) =>
    join(sysRoot, 'devices/system/cpu/cpufreq', `policy${policy}`, name);
  const cpus = policies.flatMap((policy) => policy.cpus).sort((a, b) => a - b);
  const part = `CPUs ${formatCpuList(cpus)}`;
  const control: Control = {
    id: `cpufreq:${policies.map(({ number }) => number).join(',')}`,
    name: 'lockedClockHertz',
    part,
    cpus,
    /** Kilohertz: `3.min`, `3.max` of policy 3. */
    read: () =>
      Object.fromEntries(
        policies.flatMap(({ number }) => [
          [`${number}.min`, requireNumber(file(number, 'scaling_min_freq'))],
          [`${number}.max`, requireNumber(file(number, 'scaling_max_freq'))],
        ]),
      ),
    range(found) {
      const least = policies.map(({ number }) => requireNumber(file(number, 'cpuinfo_min_freq')));
      const most = policies.map(({ number }) => found[`${number}.max`]!);
      return { least: Math.max(...least) * 1000, most: Math.min(...most) * 1000 };
    },
    /** null when they are not held at one frequency. */
    reading() {
      const values = new Set(Object.values(control.read()));
      return values.size === 1 ? [...values][0]! * 1000 : null;
    },
    set(hertz) {
      const kilohertz = Math.round(hertz / 1000);
      for (const { number } of policies) {
        const least = file(number, 'scaling_min_freq');
        const most = file(number, 'scaling_max_freq');
        // The kernel refuses a least above the most at any time.
        const order = kilohertz < requireNumber(least) ? [least, most] : [most, least];
        for (const path of order) writeNumber(path, kilohertz);
      }
      const taken = control.reading();
      if (taken === kilohertz * 1000) return taken;
      throw settingError(`${part} read ${taken ?? 'different'} Hz after ${kilohertz * 1000} Hz were written`);
    },
    restore(found) {
      // The most first: what was set lies below it (range), so the least never lies above it.
      const refused = attempt(
        policies.flatMap(({ number }) => [
          () => writeNumber(file(number, 'scaling_max_freq'), found[`${number}.max`]!),
          () => writeNumber(file(number, 'scaling_min_freq'), found[`${number}.min`]!),
        ]),
      );
      for (const [name, value] of Object.entries(control.read())) {
        if (value === found[name]) continue;
        const before = `${found[name]} kHz before the trial ${refused}`.trim();
        throw settingError(`${name} of the cpufreq policies is ${value} kHz and was ${before}`);
      }
    },
  };
  return control;
}

function policiesIn(sysRoot: string): Policy[] {
  const root = join(sysRoot, 'devices/system/cpu/cpufreq');
  return orElse(() => readdirSync(root), [])
    .flatMap((entry): Policy[] => {
      const number = /^policy(\d+)$/.exec(entry)?.[1];
      if (number === undefined || readNumber(join(root, entry, 'scaling_max_freq')) === null) return [];
      // cpufreq separates by spaces what other lists of CPUs separate by commas.
      const cpus = parseCpuList((systemText(join(root, entry, 'affected_cpus')) ?? '').replaceAll(' ', ','));
      return [{ number: Number(number), cpus }];
    })
    .sort((a, b) => a.number - b.number);
}
