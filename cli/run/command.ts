import type { Command } from 'commander';
import { ALLOW_HF_OPTION, CONFIG_OPTION, ENERGY_OPTION, type NodeOptions } from '../options/config.js';
import { addDisplayOptions, type DisplayOptions } from '../options/display.js';
import { collect, STRICT_OPTION, SWEEP_ARGUMENT } from '../options/values.js';

export interface RunOptions extends DisplayOptions, NodeOptions {
  readonly out?: string;
  readonly models: readonly string[];
  readonly metrics?: string;
  readonly otlp?: string;
  readonly pushTokenFile?: string;
  readonly web?: string;
  readonly energy: string;
  readonly fresh?: true;
  readonly reuse?: true;
  readonly quick?: true;
  readonly strict?: true;
  readonly roofs: boolean;
}

export function registerRun(program: Command): void {
  const command = program
    .command('run')
    .description(
      'run a sweep on this machine: coordinator and agent in one process, nothing else needed.\n' +
        'It may be killed at any moment: the same command resumes it, and tries again what failed or came out invalid.\n' +
        'Ends with exit code 1 when rows failed, 4 when rows are invalid; disturbed rows count.',
    )
    .argument('<file>', SWEEP_ARGUMENT)
    .option(
      '-o, --out <dir>',
      'folder for the log, results.jsonl and report.html (default: ridge-out/<sweep name>)',
    );
  addRunOptions(command)
    .option('--quick', 'three short starts of each experiment in the time of one, whatever the file says')
    .option(
      '--no-roofs',
      'do not measure roofs or fit factors first if this machine has none; rows then have no roof and no prediction',
    );
  addDisplayOptions(command).action(async (file: string, options: RunOptions) => {
    const { openSweep } = await import('../sweep-file.js');
    const { runSweep } = await import('./run.js');
    process.exitCode = await runSweep(openSweep(file), options);
  });
}

/**
 * Adds the options of every command that runs a sweep here: what it may open, and how it is watched and
 * measured.
 */
export function addRunOptions(command: Command): Command {
  return command
    .option('--models <dir>', 'also allow `source:` paths in this folder (repeatable)', collect, [])
    .option(...CONFIG_OPTION)
    .option(...ALLOW_HF_OPTION)
    .option('--web <address>', 'serve the live web view at this address during the run, e.g. 127.0.0.1:7118')
    .option(
      '--metrics <address>',
      'serve /metrics, /healthz and /readyz at this address, e.g. 127.0.0.1:9464',
    )
    .option(
      '--otlp <url>',
      'push metrics to this URL during the run and at its end, by OTLP over HTTP, e.g. http://collector:4318/v1/metrics',
    )
    .option('--push-token-file <file>', 'file with the bearer token for pushing metrics')
    .option(...ENERGY_OPTION)
    .option(...STRICT_OPTION)
    .option(
      '--reuse',
      'reuse results of these experiments from other runs on this machine, with the same engine and build',
    )
    .option('--fresh', 'discard the results in the folder and measure everything again');
}
