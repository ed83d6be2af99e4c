import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryFolder } from './folder.js';

/**
 * A /sys of two packages, with RAPL limits and cpufreq policies, all of which can be written.
 * @param perPackage CPUs of each.
 */
export function powerTree(perPackage = 2): {
  readonly root: string;
  read(path: string): number;
  write(path: string, value: number): void;
} {
  const root = temporaryFolder();
  const put = (path: string, text: string | number) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  };
  for (let cpu = 0; cpu < 2 * perPackage; cpu++) {
    put(`devices/system/cpu/cpu${cpu}/topology/physical_package_id`, Math.floor(cpu / perPackage));
    const policy = `devices/system/cpu/cpufreq/policy${cpu}`;
    put(`${policy}/affected_cpus`, cpu);
    put(`${policy}/cpuinfo_min_freq`, 800_000);
    put(`${policy}/cpuinfo_max_freq`, 3_800_000);
    put(`${policy}/scaling_min_freq`, 1_000_000);
    put(`${policy}/scaling_max_freq`, 3_600_000);
  }
  for (const zone of [0, 1]) {
    const folder = `class/powercap/intel-rapl:${zone}`;
    put(`${folder}/name`, `package-${zone}`);
    put(`${folder}/enabled`, 1);
    put(`${folder}/constraint_0_name`, 'long_term');
    put(`${folder}/constraint_0_power_limit_uw`, 205_000_000);
    put(`${folder}/constraint_0_max_power_uw`, 205_000_000);
    put(`${folder}/constraint_1_name`, 'short_term');
    put(`${folder}/constraint_1_power_limit_uw`, 246_000_000);
    put(`${folder}/constraint_1_max_power_uw`, 0);
  }
  put('class/powercap/intel-rapl:0:0/name', 'dram');
  return {
    root,
    read: (path) => Number(readFileSync(join(root, path), 'utf8')),
    write: (path, value) => put(path, value),
  };
}

export const LONG = 'class/powercap/intel-rapl:0/constraint_0_power_limit_uw';
export const SHORT = 'class/powercap/intel-rapl:0/constraint_1_power_limit_uw';
export const clockFile = (cpu: number, which: 'min' | 'max') =>
  `devices/system/cpu/cpufreq/policy${cpu}/scaling_${which}_freq`;
