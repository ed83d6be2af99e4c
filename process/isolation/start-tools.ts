import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { formatCpuList } from '../device/affinity.js';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

/** Tools of util-linux that start a program with properties it cannot lose; null = not installed. */
export interface StartTools {
  /** Pins the program, and with it every thread it makes, to CPUs. */
  readonly taskset: string | null;
  /** Has the kernel kill the program when its parent dies, even while native code blocks it. */
  readonly setpriv: string | null;
}

/** @returns where the tools are on this machine's PATH; both null on anything but Linux. */
export function findStartTools(path = process.env.PATH ?? ''): StartTools {
  if (process.platform !== 'linux') return { taskset: null, setpriv: null };
  return { taskset: findProgram('taskset', path), setpriv: findProgram('setpriv', path) };
}

/** @returns the command wrapped so that it is pinned to `cpus` (none = anywhere) and dies with its parent. */
export function wrapCommand(inner: Command, cpus: readonly number[], tools: StartTools): Command {
  let { command, args } = inner;
  if (tools.taskset !== null && cpus.length > 0) {
    args = ['-c', formatCpuList(cpus), command, ...args];
    command = tools.taskset;
  }
  if (tools.setpriv !== null) {
    args = ['--pdeathsig', 'KILL', command, ...args];
    command = tools.setpriv;
  }
  return { command, args };
}

/**
 * @returns where a program is, by its name on a PATH or by its own path; null = it is not there, or may not
 *   be run.
 */
export function findProgram(program: string, path = ''): string | null {
  if (program.includes('/')) return isExecutable(program) ? program : null;
  const candidates = path.split(':').flatMap((folder) => (folder === '' ? [] : [join(folder, program)]));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  return orElse(() => accessSync(path, constants.X_OK), false) !== false;
}
