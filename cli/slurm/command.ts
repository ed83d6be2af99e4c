import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';
import { collect, duration, positiveInteger, STRICT_OPTION, SWEEP_ARGUMENT } from '../options/values.js';

/** What of an agent's options each task is started with. */
export interface TaskAgentOptions {
  readonly config?: string;
  readonly models: readonly string[];
  readonly energy?: string;
  /** Seconds. */
  readonly leaveIdle: number;
}

/** What `submit` is told, and hands on to the tasks. */
export interface SlurmOptions extends ConnectionOptions, TaskAgentOptions {
  readonly folder: string;
  /** Seconds before the time limit at which a task begins to drain. */
  readonly drain: number;
  readonly goOn?: true;
  readonly quick?: true;
  readonly strict?: true;
}

export interface SlurmSubmitOptions extends SlurmOptions {
  readonly tasks: number;
  readonly atOnce?: number;
  readonly time?: string;
  readonly name?: string;
  readonly before: readonly string[];
  readonly print?: true;
}

export interface SlurmTaskOptions extends SlurmOptions {
  readonly sweep?: string;
}

/** The word for a coordinator that the first task of the array is. */
export const HERE = 'here';

export function registerSlurm(program: Command): void {
  const slurm = program
    .command('slurm')
    .description('run agents as an array job of Slurm, for as long as their allocations last');
  const submit = slurm
    .command('submit')
    .description(
      'write and submit an array job whose tasks are agents; before the time limit, or when Slurm takes a node back, they finish their trial or give it back',
    )
    .argument('[sweep]', `the sweep to submit with the job: ${SWEEP_ARGUMENT}`)
    .argument(
      '[sbatch...]',
      'after --: options of sbatch for the job, such as --partition=gpu --gres=gpu:1 --exclusive',
    )
    .option('-n, --tasks <number>', 'agents of the array', positiveInteger, 1)
    .option('--at-once <number>', 'how many of them may run at a time', positiveInteger)
    .option('--time <limit>', "time limit of each task, as sbatch takes it (default: the partition's)")
    .option('--name <name>', 'name of the job (default: ridge)')
    .option(
      '--before <line>',
      "line of shell before the agent starts, such as 'module load cuda' (repeatable)",
      collect,
      [],
    )
    .option('--print', 'write the job script to stdout, and submit nothing');
  shared(submit).action(lazy(async () => (await import('./submit.js')).submitJob));
  const task = slurm
    .command('task', { hidden: true })
    .description('run one task of the array; the job script calls this')
    .option('--sweep <file>', 'sweep file that the task with the coordinator submits');
  shared(task).action(lazy(async () => (await import('./task.js')).runTask));
}

function shared(command: Command): Command {
  command
    .option(
      '--folder <dir>',
      'folder that every node can see, for the output and spools of the tasks and, with a coordinator in the job, its log',
      'ridge-slurm',
    )
    .option(
      '--drain <time>',
      'how long before its time limit a task is told to finish its trial',
      duration,
      120,
    )
    .option('--go-on', 'requeue a task that reaches its time limit, until everything is done')
    .option(
      '--leave-idle <time>',
      'end a task that has had no work for this long, even if not everything is done',
      duration,
      600,
    )
    .option('--config <file>', 'configuration of the agents (YAML)')
    .option('--models <dir>', 'folder with models that sweeps may use (repeatable)', collect, [])
    .option('--energy <source>', 'energy source: auto, none, or replay:FILE for a recorded trace')
    .option('--quick', 'three short starts of each experiment in the time of one, whatever the file says')
    .option(...STRICT_OPTION);
  return addConnectionOptions(command);
}
