import type { Command } from 'commander';
import { usageError } from '../exit.js';
import { positiveInteger } from '../options/values.js';

export interface DoctorOptions {
  readonly noise?: true;
  readonly seconds?: number;
  readonly config?: string;
  readonly json?: true;
}

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description(
      'show what this node has, what is missing and how to get it, and which settings of this host make numbers vary.\n' +
        '--noise measures how much they vary, and which difference can still be seen',
    )
    .option('--noise', 'measure how much one measurement varies from start to start on this machine')
    .option('--seconds <count>', 'how long --noise measures (default: 60)', positiveInteger)
    .option('--config <file>', 'agent configuration file; its state folder and CPU groups apply')
    .option('--json', 'print JSON')
    .action(async (options: DoctorOptions) => {
      if (options.seconds !== undefined && options.noise !== true)
        throw usageError('--seconds says how long --noise measures', 'Give --noise, too.');
      if (options.noise === true) {
        const { noise } = await import('./noise.js');
        await noise(options);
        return;
      }
      const { doctor } = await import('./doctor.js');
      process.exitCode = await doctor(options);
    });
}
