import type { Command } from 'commander';
import { EXIT } from '../exit.js';
import { ALLOW_HF_OPTION, CONFIG_OPTION, ENERGY_OPTION, type NodeOptions } from '../options/config.js';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';
import { collect, duration, positiveInteger, SWEEP_ARGUMENT } from '../options/values.js';

export interface PlanOptions extends ConnectionOptions, NodeOptions {
  readonly fleet?: true;
  readonly hardware?: string;
  readonly calibration?: string;
  readonly serverStart?: number;
  readonly prices?: string;
  readonly limit: number;
  readonly models: readonly string[];
  readonly energy: string;
  readonly json?: true;
}

export function registerPlan(program: Command): void {
  const command = program
    .command('plan')
    .description(
      'what a sweep will run, what cannot run here, and how long it takes: number of points, what is excluded and why, files to create, what does not fit or is missing here,\n' +
        'and the time, if the roofs of this machine were measured.\n' +
        `Exit code ${EXIT.usage}: it names files that are not here; ${EXIT.nothingRuns}: nothing of it can run here (or, with --fleet, on any node).`,
    )
    .argument('<file>', SWEEP_ARGUMENT)
    .option('-n, --limit <count>', 'rows to show', positiveInteger, 10)
    .option('--models <dir>', 'also allow `source:` paths in this folder (repeatable)', collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .option(...ENERGY_OPTION)
    .option('--fleet', 'check the sweep against the nodes of a coordinator instead of this machine')
    .option(
      '--hardware <list>',
      'GPUs that nobody has rented yet, in place of this machine, such as h100 or h100,2xh200: times, memory and device-hours of its servers, predicted',
    )
    .option(
      '--calibration <file>',
      'with --hardware: what the host takes beside kernels, from `ridge factors --calibrate RUN --out FILE`',
    )
    .option(
      '--prices <file>',
      'with --hardware: YAML: what an hour of each device costs, and a kilowatt hour, as `ridge fit --prices` takes it',
    )
    .option('--server-start <time>', 'with --hardware: what a server takes to start, such as 90s', duration)
    .option('--json', 'print JSON');
  addConnectionOptions(command).action(lazy(async () => (await import('./show.js')).printPlan));
}
