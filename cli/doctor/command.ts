import type { Command } from 'commander';
import { usageError } from '../exit.js';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { positiveInteger } from '../options/values.js';

export interface DoctorOptions extends ConnectionOptions {
  readonly fleet?: true;
  readonly noise?: true;
  readonly seconds?: number;
  readonly config?: string;
  readonly json?: true;
}

const CONNECTION = ['coordinator', 'wait', 'tlsCa', 'tlsCert', 'tlsKey', 'tokenFile'] as const;

export function registerDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description(
      'show what this node has, what is missing and how to get it, and which settings of this host make numbers vary.\n' +
        '--noise measures how much they vary, and which difference can still be seen.\n' +
        '--fleet asks a coordinator what of all nodes somebody has to look after',
    )
    .option(
      '--fleet',
      'check the coordinators, all nodes and the queue; the exit code is 1 if something is to be done',
    )
    .option('--noise', 'measure how much one measurement varies from start to start on this machine')
    .option('--seconds <count>', 'how long --noise measures (default: 60)', positiveInteger)
    .option('--config <file>', 'agent configuration file; its state folder and CPU groups apply')
    .option('--json', 'print JSON');
  addConnectionOptions(command).action(async (options: DoctorOptions, self: Command) => {
    if (options.fleet === true) {
      if (options.noise === true || options.config !== undefined)
        throw usageError(
          '--fleet is about all nodes; --noise and --config are about this one',
          'Give one or the other.',
        );
      const { doctorFleet } = await import('./fleet/fleet.js');
      process.exitCode = await doctorFleet(options);
      return;
    }
    const named = CONNECTION.find((name) => self.getOptionValueSource(name) === 'cli');
    if (named !== undefined)
      throw usageError('without --fleet, `ridge doctor` asks no coordinator', 'Give --fleet, too.');
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
