import type { Command } from 'commander';
import { DEFAULT_FOLDER } from '../../agent/power/protocol.js';
import { lazy } from '../options/lazy.js';

export interface PowerHelperOptions {
  readonly folder: string;
  readonly group?: string;
  readonly sysRoot: string;
  readonly restingClocks?: string;
}

export function registerPowerHelper(program: Command): void {
  program
    .command('power-helper')
    .description(
      'set power caps and clocks for the agents of this machine, and restore them (run it as root)',
    )
    .option('--folder <dir>', 'folder of the socket and of the saved settings', DEFAULT_FOLDER)
    .option('--group <group>', 'group whose members may use it, by name or number (default: only this user)')
    .option('--sys-root <dir>', 'where /sys is mounted, inside a container', '/sys')
    .option(
      '--resting-clocks <range>',
      'MHz that GPUs are locked at between trials, e.g. 1200-1980; NVML cannot report them (default: unlocked)',
    )
    .action(lazy(async () => (await import('./power-helper.js')).servePowerHelper));
}
