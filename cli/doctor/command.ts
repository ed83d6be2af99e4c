import { type Command, Option } from 'commander';
import { usageError } from '../exit.js';
import { positiveInteger } from '../options/values.js';

export interface DoctorOptions {
  readonly noise?: true;
  readonly seconds?: number;
  readonly tune?: true;
  readonly untune?: true;
  readonly config?: string;
  readonly json?: true;
}

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description(
      'what this node has, what is missing, and how to get it; what of this host makes numbers move.\n' +
        '--noise measures how much they move, and what difference that leaves to be seen;\n' +
        '--tune sets what of it files can set, --untune puts back what was there',
    )
    .option('--noise', 'measure how much the same thing differs from start to start here')
    .option('--seconds <count>', 'how long --noise measures (default: 60)', positiveInteger)
    .addOption(
      new Option(
        '--tune',
        'set governor, turbo, interrupts and huge pages for measuring, as far as this user may',
      ).conflicts('noise'),
    )
    .addOption(
      new Option('--untune', 'put back what --tune found, but for what was set since').conflicts([
        'noise',
        'tune',
      ]),
    )
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
      if (options.tune === true || options.untune === true) {
        const { tuneHost } = await import('./tune.js');
        process.exitCode = tuneHost(options);
        return;
      }
      const { doctor } = await import('./doctor.js');
      process.exitCode = await doctor(options);
    });
}
