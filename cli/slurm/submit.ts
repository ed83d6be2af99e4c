import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileProblem } from '../../core/input/file-problem.js';
import { printable } from '../../core/input/printable.js';
import { shellLine, shellWord } from '../../core/input/shell-word.js';
import { VERSION } from '../../process/package.js';
import { isLoopback } from '../../proto/loopback.js';
import { EXIT, usageError, workError } from '../exit.js';
import { printData, say } from '../output/print.js';
import { submit } from '../submit/submit.js';
import { openSweep } from '../sweep-file.js';
import { HERE, type SlurmSubmitOptions } from './command.js';
import { makeJobCertificates } from './here.js';

/**
 * `ridge slurm submit`: writes the job, submits the sweep where its coordinator is elsewhere, and hands the
 * job to sbatch.
 * @returns the exit code. @throws CommandError
 */
export async function submitJob(
  sweep: string | undefined,
  sbatch: readonly string[],
  options: SlurmSubmitOptions,
): Promise<number> {
  // A word of sbatch that stands where a sweep may: `ridge slurm submit -- --partition=gpu`.
  if (sweep?.startsWith('-')) return await submitJob(undefined, [sweep, ...sbatch], options);
  const job = jobOf(sweep, sbatch, options);
  // Every error of the sweep before anything is queued.
  if (sweep !== undefined) openSweep(sweep);
  if (options.print === true) {
    printData(jobScript(job));
    return EXIT.ok;
  }
  const script = await prepare(job, options);
  if (sweep !== undefined && options.coordinator !== HERE) await submit(sweep, options);
  const id = queue(script);
  say(
    `job ${id}: ${job.tasks === 1 ? 'one agent' : `${job.tasks} agents`}, node names slurm-${id}-0 to ${job.tasks - 1}; ${job.folder}/output has what they say`,
  );
  if (options.coordinator === HERE) {
    const certs = join(job.folder, 'certs');
    const address = `"$(cat ${shellWord(join(job.folder, 'coordinator'))})"`;
    const files = shellLine([
      '--tls-ca',
      `${certs}/ca.crt`,
      '--tls-cert',
      `${certs}/job.crt`,
      '--tls-key',
      `${certs}/job.key`,
    ]);
    say(`while it runs: ridge watch --coordinator ${address} ${files}`);
  }
  printData(id);
  return EXIT.ok;
}

function jobOf(sweep: string | undefined, sbatch: readonly string[], options: SlurmSubmitOptions): Job {
  for (const [what, args] of [
    ['option of sbatch', sbatch],
    ['line of --before', options.before],
  ] as const) {
    const bad = args.find((arg) => printable(arg) !== arg);
    if (bad !== undefined) throw usageError(`an ${what} has a line break or control characters`);
  }
  const stray = sbatch.find((arg) => !arg.startsWith('-'));
  if (stray !== undefined) {
    throw usageError(
      `"${stray}" is no option of sbatch`,
      'Write each as one word behind --, such as `-- --partition=gpu --gres=gpu:1`.',
    );
  }
  const name = options.name ?? 'ridge';
  if (!/^[\w.-]{1,63}$/.test(name)) {
    throw usageError(`--name ${name} cannot be the name of a job`, 'Use letters, digits, dots and dashes.');
  }
  if (options.coordinator !== HERE && isLoopback(options.coordinator)) {
    say(
      `${options.coordinator} is this machine alone: tasks on other nodes do not reach it. Name its address with --coordinator, or --coordinator ${HERE}.`,
    );
  }
  return {
    name,
    tasks: options.tasks,
    atOnce: options.atOnce ?? null,
    time: options.time ?? null,
    drainSeconds: Math.ceil(options.drain),
    folder: resolve(options.folder),
    sbatch,
    before: options.before,
    task: [process.execPath, resolve(process.argv[1] ?? 'ridge'), ...taskWords(sweep, options)],
  };
}

/** Files are named, never read into the script: whoever sees the queue sees it. */
function taskWords(sweep: string | undefined, options: SlurmSubmitOptions): string[] {
  const file = (name: string, path: string | undefined) =>
    path === undefined ? [] : [`--${name}`, resolve(path)];
  const flag = (name: string, set: true | undefined) => (set === true ? [`--${name}`] : []);
  const here = options.coordinator === HERE;
  return [
    'slurm',
    'task',
    '--coordinator',
    options.coordinator,
    '--folder',
    resolve(options.folder),
    '--drain',
    `${Math.ceil(options.drain)}s`,
    '--leave-idle',
    `${Math.ceil(options.leaveIdle)}s`,
    // A sweep may be a model instead of a file.
    ...(here && sweep !== undefined ? ['--sweep', /^[a-z]+:/.test(sweep) ? sweep : resolve(sweep)] : []),
    ...flag('go-on', options.goOn),
    ...(here ? [...flag('quick', options.quick), ...flag('strict', options.strict)] : []),
    ...file('config', options.config),
    ...options.models.flatMap((folder) => ['--models', resolve(folder)]),
    ...(options.energy === undefined ? [] : ['--energy', options.energy]),
    ...file('tls-ca', options.tlsCa),
    ...file('tls-cert', options.tlsCert),
    ...file('tls-key', options.tlsKey),
    ...file('token-file', options.tokenFile),
  ];
}

/** @returns the path of the script. @throws CommandError (2) where the folder cannot be used. */
async function prepare(job: Job, { coordinator }: SlurmSubmitOptions): Promise<string> {
  const script = join(job.folder, 'job.sh');
  try {
    mkdirSync(join(job.folder, 'output'), { recursive: true });
    if (coordinator === HERE) await makeJobCertificates(job.folder);
    writeFileSync(script, jobScript(job), { mode: 0o700 });
  } catch (error) {
    throw usageError(`cannot write into ${job.folder}: ${fileProblem(error)}`, 'Name another --folder.');
  }
  return script;
}

/** @returns the id of the job. @throws CommandError (1) with what sbatch says. */
function queue(script: string): string {
  const { status, stdout, stderr, error } = spawnSync('sbatch', ['--parsable', script], { encoding: 'utf8' });
  if (error !== undefined) {
    const there = 'Run it where Slurm’s commands are, or take the script of --print there.';
    throw workError(`sbatch cannot be started: ${fileProblem(error)}`, there);
  }
  if (status !== 0) throw workError(`sbatch refuses the job: ${stderr.trim()}`, `The script is ${script}.`);
  // `123` or `123;cluster`.
  return stdout.trim().split(';')[0]!;
}

/** An array job whose tasks are agents. */
export interface Job {
  readonly name: string;
  readonly tasks: number;
  readonly atOnce: number | null;
  /** As sbatch takes it; null = the partition's. */
  readonly time: string | null;
  /** Before the time limit. */
  readonly drainSeconds: number;
  /** Absolute, seen by every node. */
  readonly folder: string;
  /** More options of sbatch, as they were typed. */
  readonly sbatch: readonly string[];
  /** Lines of shell. */
  readonly before: readonly string[];
  /** Program and words of what each task does. */
  readonly task: readonly string[];
}

/**
 * The job's script. The agent takes the place of the shell, so that the signal that Slurm sends to the shell
 * alone (`B:`) is the agent's, and not also that of the trial it runs.
 */
export function jobScript(job: Job): string {
  const most = job.atOnce === null ? '' : `%${job.atOnce}`;
  const options = [
    `--job-name=${job.name}`,
    `--array=0-${job.tasks - 1}${most}`,
    '--nodes=1',
    '--ntasks=1',
    ...(job.time === null ? [] : [`--time=${job.time}`]),
    // Where Slurm takes a node back or loses it, the task begins again and delivers what it had left.
    '--requeue',
    '--open-mode=append',
    `--signal=B:TERM@${job.drainSeconds}`,
    `--output=${job.folder}/output/%A_%a.log`,
    // Last, so that they may say otherwise.
    ...job.sbatch,
  ];
  return [
    '#!/bin/bash',
    `# Written by \`ridge slurm submit\` ${VERSION}: each task is an agent for as long as its allocation lives.`,
    ...options.map((option) => `#SBATCH ${directive(option)}`),
    '',
    ...job.before,
    `exec ${shellLine(job.task)}`,
    '',
  ].join('\n');
}

/** sbatch splits a directive at blanks and knows double quotes. */
function directive(option: string): string {
  return /^[\w@%+=:,./[\]-]*$/.test(option) ? option : `"${option.replace(/["\\]/g, '\\$&')}"`;
}
