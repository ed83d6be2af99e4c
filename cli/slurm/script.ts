import { VERSION } from '../../process/package.js';

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
 * The job's script. The agent takes the place of the shell, so that the signal that Slurm sends to the shell alone (`B:`) is the agent's, and not also that of
 * the trial it runs.
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
    `exec ${job.task.map(shellWord).join(' ')}`,
    '',
  ].join('\n');
}

/** sbatch splits a directive at blanks and knows double quotes. */
function directive(option: string): string {
  return /^[\w@%+=:,./[\]-]*$/.test(option) ? option : `"${option.replace(/["\\]/g, '\\$&')}"`;
}

/** @returns the word as bash reads it back. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
