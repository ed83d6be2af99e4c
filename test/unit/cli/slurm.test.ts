import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { loadAgentConfig } from '../../../agent/config.js';
import { allocationOf, leavingTime, secondsOf } from '../../../cli/slurm/allocation.js';
import { type Job, jobScript } from '../../../cli/slurm/submit.js';
import { shellWord } from '../../../core/input/shell-word.js';
import { nvidiaDevices } from '../../../process/device/gpu.js';
import type { NvmlDevice } from '../../../process/device/nvml.js';

const JOB: Job = {
  name: 'ridge',
  tasks: 3,
  atOnce: 2,
  time: '4:00:00',
  drainSeconds: 120,
  folder: '/shared/my job',
  sbatch: ['--gres=gpu:1', '--comment=the "big" one'],
  before: ['module load cuda'],
  task: ['/usr/bin/node', '/opt/ridge/main.js', 'slurm', 'task', '--models', "/data/it's here"],
};

test('the job is an array of agents that are told before their time limit, and begin again where Slurm takes a node back', () => {
  const lines = jobScript(JOB).split('\n');
  expect(lines[0]).toBe('#!/bin/bash');
  expect(lines).toEqual(
    expect.arrayContaining([
      '#SBATCH --array=0-2%2',
      '#SBATCH --time=4:00:00',
      '#SBATCH --signal=B:TERM@120',
      '#SBATCH --requeue',
      '#SBATCH --open-mode=append',
      '#SBATCH "--output=/shared/my job/output/%A_%a.log"',
    ]),
  );
  // What was typed stands last, so that it counts.
  const directives = lines.filter((line) => line.startsWith('#SBATCH'));
  expect(directives.slice(-2)).toEqual(['#SBATCH --gres=gpu:1', '#SBATCH "--comment=the \\"big\\" one"']);
  // The shell gives way to the agent: the signal is for one process.
  expect(lines.at(-2)).toMatch(/^exec \/usr\/bin\/node \/opt\/ridge\/main\.js slurm task /);
  expect(lines.indexOf('module load cuda')).toBeLessThan(lines.length - 2);
});

test('bash reads every word back as it was', () => {
  for (const word of [
    'plain',
    "it's here",
    '$(touch /tmp/x)',
    'a b',
    '`id`',
    '"',
    '\\',
    '--gres=gpu:1',
    'a;b',
    '*',
    '{org/model,--trust-remote-code}',
    '~',
    '=ls',
  ]) {
    expect(execFileSync('bash', ['-c', `printf %s ${shellWord(word)}`], { encoding: 'utf8' })).toBe(word);
  }
});

test('a node is called by job and task, in every life of the task; the first of the array is the coordinator', () => {
  const array = { SLURM_JOB_ID: '812', SLURM_ARRAY_JOB_ID: '810', SLURM_ARRAY_TASK_MIN: '0' };
  const second = allocationOf({ ...array, SLURM_ARRAY_TASK_ID: '1', SLURM_CPUS_ON_NODE: '16' });
  expect(second).toEqual({ jobId: '812', node: 'slurm-810-1', first: false, cpus: 16 });
  expect(allocationOf({ ...array, SLURM_ARRAY_TASK_ID: '0' })).toMatchObject({ first: true, cpus: null });
  expect(allocationOf({ SLURM_JOB_ID: '9' })).toMatchObject({ node: 'slurm-9', first: true });
  expect(allocationOf({})).toBeNull();
});

test('times are read as squeue writes them', () => {
  expect(['45', '1:05', '2:03:04', '1-00:00:10', 'UNLIMITED', 'NOT_SET', ''].map(secondsOf)).toEqual([
    null,
    65,
    7384,
    86_410,
    null,
    null,
    null,
  ]);
});

test('near its limit a task finishes what it runs while there is time to give back the rest; else it gives back at once', () => {
  expect(leavingTime(118, 120)).toEqual({ finishSeconds: 88, atLimit: true });
  // Slurm may tell up to a minute earlier.
  expect(leavingTime(175, 120)).toEqual({ finishSeconds: 145, atLimit: true });
  // Hours are left: somebody wants the node, and kills what is there soon.
  expect(leavingTime(7200, 120)).toEqual({ finishSeconds: 0, atLimit: false });
  expect(leavingTime(null, 120)).toEqual({ finishSeconds: 0, atLimit: false });
  // The limit was raised since.
  expect(leavingTime(-600, 120)).toEqual({ finishSeconds: 90, atLimit: true });
  expect(leavingTime(18, 20)).toEqual({ finishSeconds: 8, atLimit: true });
});

test('an agent offers the GPUs that its task was given, as CUDA_VISIBLE_DEVICES or SLURM_JOB_GPUS names them', () => {
  const gpu = (uuid: string): NvmlDevice =>
    ({ uuid, name: 'NVIDIA H100 80GB HBM3', memoryBytes: 80e9, board: null }) as unknown as NvmlDevice;
  const devices = ['GPU-aa1', 'GPU-ab2', 'GPU-cc3', 'GPU-dd4'].map(gpu);
  const offered = (env: NodeJS.ProcessEnv) =>
    nvidiaDevices({ devices }, [0, 1, 2, 3], loadAgentConfig({ env }).gpus).map(({ id, cpus }) => [id, cpus]);
  expect(offered({})).toHaveLength(4);
  // Each has its share of the CPUs that the task was given.
  expect(offered({ CUDA_VISIBLE_DEVICES: '1,3' })).toEqual([
    ['GPU-ab2', [0, 1]],
    ['GPU-dd4', [2, 3]],
  ]);
  expect(offered({ CUDA_VISIBLE_DEVICES: 'GPU-cc', SLURM_JOB_GPUS: '0' })).toEqual([
    ['GPU-cc3', [0, 1, 2, 3]],
  ]);
  expect(offered({ SLURM_JOB_GPUS: '2' })).toEqual([['GPU-cc3', [0, 1, 2, 3]]]);
  for (const none of ['', '-1', 'NoDevFiles', '7,0'])
    expect(offered({ CUDA_VISIBLE_DEVICES: none })).toEqual([]);
});
