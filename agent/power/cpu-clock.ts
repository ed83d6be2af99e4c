import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { formatCpuList, parseCpuList } from '../../process/device/affinity.js';
import { systemText } from '../../process/device/system-text.js';
import { type Control, type ControlSearch, type Found, type Range, settingError } from './control.js';
import { attempt, readNumber, requireNumber, writeNumber } from './system-file.js';

/**
 * A fixed frequency of CPUs: least and most of their cpufreq policies made equal (kernel docs, admin-guide/pm/cpufreq). The
 * kernel asks the hardware for it; turbo and heat may still say otherwise, which the clock meter sees.
 */
export function findCpuClock(cpus: readonly number[], sysRoot: string): ControlSearch {
  const policies = policiesIn(sysRoot).filter((policy) => policy.cpus.some((cpu) => cpus.includes(cpu)));
  const covered = policies.flatMap((policy) => policy.cpus);
  if (!cpus.every((cpu) => covered.includes(cpu))) {
    return {
      found: false,
      name: 'lockedClockHertz',
      reason: 'no cpufreq policy for these CPUs: most virtual machines have none',
    };
  }
  return { found: true, control: new CpuClock(policies, sysRoot) };
}

/** @param numbers of the policies, as a control's id names them. */
export function openCpuClock(numbers: readonly number[], sysRoot: string): ControlSearch {
  const policies = policiesIn(sysRoot).filter(({ number }) => numbers.includes(number));
  if (policies.length === numbers.length) return { found: true, control: new CpuClock(policies, sysRoot) };
  return {
    found: false,
    name: 'lockedClockHertz',
    reason: `a cpufreq policy of ${numbers.join(',')} is gone`,
  };
}

interface Policy {
  readonly number: number;
  readonly cpus: readonly number[];
}

class CpuClock implements Control {
  readonly id: string;
  readonly name = 'lockedClockHertz';
  readonly part: string;
  readonly cpus: readonly number[];
  readonly #policies: readonly Policy[];
  readonly #root: string;

  constructor(policies: readonly Policy[], sysRoot: string) {
    this.#policies = policies;
    this.#root = join(sysRoot, 'devices/system/cpu/cpufreq');
    this.cpus = policies.flatMap(({ cpus }) => cpus).sort((a, b) => a - b);
    this.id = `cpufreq:${policies.map(({ number }) => number).join(',')}`;
    this.part = `CPUs ${formatCpuList(this.cpus)}`;
  }

  /** Kilohertz: `3.min`, `3.max` of policy 3. */
  read(): Found {
    return Object.fromEntries(
      this.#policies.flatMap(({ number }) => [
        [`${number}.min`, requireNumber(this.#file(number, 'scaling_min_freq'))],
        [`${number}.max`, requireNumber(this.#file(number, 'scaling_max_freq'))],
      ]),
    );
  }

  range(found: Found): Range {
    const least = this.#policies.map(({ number }) => requireNumber(this.#file(number, 'cpuinfo_min_freq')));
    const most = this.#policies.map(({ number }) => found[`${number}.max`]!);
    return { least: Math.max(...least) * 1000, most: Math.min(...most) * 1000 };
  }

  /** null when they are not held at one frequency. */
  reading(): number | null {
    const values = new Set(Object.values(this.read()));
    return values.size === 1 ? [...values][0]! * 1000 : null;
  }

  set(hertz: number): number {
    const kilohertz = Math.round(hertz / 1000);
    for (const { number } of this.#policies) {
      const least = this.#file(number, 'scaling_min_freq');
      const most = this.#file(number, 'scaling_max_freq');
      // The kernel refuses a least above the most at any time.
      const order = kilohertz < requireNumber(least) ? [least, most] : [most, least];
      for (const path of order) writeNumber(path, kilohertz);
    }
    const taken = this.reading();
    if (taken !== kilohertz * 1000) {
      throw settingError(
        `${this.part} read ${taken ?? 'different'} Hz after ${kilohertz * 1000} Hz were written`,
      );
    }
    return taken;
  }

  restore(found: Found): void {
    // The most first: what was set lies below it (range), so the least never lies above it.
    const refused = attempt(
      this.#policies.flatMap(({ number }) => [
        () => writeNumber(this.#file(number, 'scaling_max_freq'), found[`${number}.max`]!),
        () => writeNumber(this.#file(number, 'scaling_min_freq'), found[`${number}.min`]!),
      ]),
    );
    for (const [name, value] of Object.entries(this.read())) {
      if (value !== found[name]) {
        throw settingError(
          `${name} of the cpufreq policies is ${value} kHz and was ${found[name]} kHz before the trial ${refused}`.trim(),
        );
      }
    }
  }

  #file(policy: number, name: string): string {
    return join(this.#root, `policy${policy}`, name);
  }
}

function policiesIn(sysRoot: string): Policy[] {
  const root = join(sysRoot, 'devices/system/cpu/cpufreq');
  let entries: string[];
  try {
    entries = readdirSync(root);
  } catch {
    return [];
  }
  return entries
    .flatMap((entry): Policy[] => {
      const number = /^policy(\d+)$/.exec(entry)?.[1];
      if (number === undefined || readNumber(join(root, entry, 'scaling_max_freq')) === null) return [];
      // cpufreq separates by spaces what other lists of CPUs separate by commas.
      const cpus = parseCpuList((systemText(join(root, entry, 'affected_cpus')) ?? '').replaceAll(' ', ','));
      return [{ number: Number(number), cpus }];
    })
    .sort((a, b) => a.number - b.number);
}
