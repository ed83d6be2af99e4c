import type { Command } from 'commander';
import { DEFAULT_FOLDER } from '../../agent/power/protocol.js';

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
      'set power caps and clocks for the agents of this machine, and put them back (run it as root)',
    )
    .option('--folder <dir>', 'folder of the socket and of what was found', DEFAULT_FOLDER)
    .option('--group <group>', 'group whose members may ask, by name or number (default: this user alone)')
    .option('--sys-root <dir>', 'another place of /sys, where a container has it', '/sys')
    .option(
      '--resting-clocks <range>',
      'MHz that GPUs are locked at between trials, e.g. 1200-1980; NVML cannot tell (default: unlocked)',
    )
    .action(async (options: PowerHelperOptions) => {
      const { servePowerHelper } = await import('./power-helper.js');
      await servePowerHelper(options);
    });
}
