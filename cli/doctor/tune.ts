import { join } from 'node:path';
import pc from 'picocolors';
import { SETTINGS, type TunedHost } from '../../agent/tuning/settings.js';
import { ONLY_ROOT, type Outcome, tune, untune } from '../../agent/tuning/tune.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { formatCpuList } from '../../process/device/affinity.js';
import { readLimits } from '../../process/device/cgroup.js';
import { cpuDevices, readCpu } from '../../process/device/cpu.js';
import { type HostRoots, readHost } from '../../process/device/host.js';
import { EXIT, workError } from '../exit.js';
import { agentConfig } from '../node-config.js';
import { printData, printJson, say } from '../output/print.js';
import type { DoctorOptions } from './command.js';

/** Why a change may be written down elsewhere. */
const WHOSE = 'The state folder is that of the user (root, under sudo) and of --config.';

/**
 * `ridge doctor --tune` and `--untune`: sets what of this host makes numbers move, and puts back what was there.
 * @returns 1 when something was refused that somebody could do.
 * @throws CommandError where the state folder cannot keep what was found.
 */
export function tuneHost(options: DoctorOptions): number {
  const { cpuGroups, stateFolder, meters } = agentConfig(options.config);
  const roots = { procRoot: '/proc', sysRoot: meters.sysRoot, cgroupRoot: '/sys' };
  const folder = join(stateFolder, 'tuned');
  const flag = options.tune === true ? '--tune' : '--untune';
  const again = `sudo ridge doctor ${flag}${options.config === undefined ? '' : ` --config ${options.config}`}`;
  const outcomes = keeping(folder, () =>
    options.tune === true ? tune(hostOf(cpuGroups, roots), folder) : untune(roots, folder),
  );
  if (options.json === true) printJson({ outcomes });
  else if (outcomes.length > 0) printData(tuneLines(outcomes, again).join('\n'));
  if (options.tune === true) say(afterTuning(folder, outcomes));
  else if (outcomes.length === 0)
    say(`nothing to put back: ${folder} has no change since this machine was started. ${WHOSE}`);
  return outcomes.some(({ did }) => did === 'refused') ? EXIT.failed : EXIT.ok;
}

/**
 * @param again the command for somebody who may do more.
 * @returns a line for each setting, or several where its files fared differently.
 */
export function tuneLines(outcomes: readonly Outcome[], again: string): string[] {
  const groups = new Map<string, Outcome[]>();
  for (const one of outcomes) {
    const key = JSON.stringify([one.setting, one.did, one.text]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const lines = [...groups.values()].map((group) => {
    const { setting, did, text } = group[0]!;
    const parts = group.flatMap(({ part }) => part ?? []);
    const label = SETTINGS.find(({ name }) => name === setting)?.parts ?? null;
    const named = label === null ? parts.join() : `${label} ${formatCpuList(parts.map(Number))}`;
    const of = parts.length === 0 ? '' : `${named}: `;
    return `${MARKS[did](did.padEnd(7))}  ${setting.padEnd(22)} ${of}${text}`;
  });
  const denied = outcomes.some(({ text }) => text === ONLY_ROOT);
  return denied ? [...lines, `${' '.repeat(32)}${pc.dim(again)}`] : lines;
}

function hostOf(groups: readonly (readonly number[])[], roots: HostRoots): TunedHost {
  const cpus = cpuDevices(readCpu(), groups, 0, readLimits().cpuQuota).flatMap((device) => device.cpus);
  return { cpus, facts: readHost(cpus, roots), roots };
}

/** @throws CommandError where the folder cannot be read or written. */
function keeping<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw workError(
      `${folder} cannot keep what this host was like: ${fileProblem(error)}`,
      'It lies in the state folder, which the file of --config may name.',
    );
  }
}

const MARKS: Readonly<Record<Outcome['did'], (text: string) => string>> = {
  changed: pc.green,
  already: pc.green,
  left: pc.yellow,
  absent: pc.dim,
  refused: pc.yellow,
};

function afterTuning(folder: string, outcomes: readonly Outcome[]): string {
  const rest =
    '`ridge doctor` says what else there is (SMT siblings, isolated CPUs, quotas), and what changes it.';
  if (!outcomes.some(({ did }) => did === 'changed')) return rest;
  return `${folder} has what was there: \`ridge doctor --untune\` puts it back, and so does a restart of the machine. ${rest}`;
}
