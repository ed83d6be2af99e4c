/**
 * Whether the operators of one real run add up to it, and what timing them costs: a model's prefill and decode, plain and
 * looked into in turns, broken down by module. Needs the native kernels (npm run build where a compiler is).
 * Claim: the modules sum to the profiled run's total within 5 %, in each phase.
 *
 * MODEL is a GGUF file or a source (default: SmolLM2-135M's shape as q8_0), THREADS and PROMPT as they say.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { nodeSeconds, type ProfiledPhase, profileCost } from '../../core/result/profile-record.js';
import type { ModuleRow } from '../../roofline/profile/table.js';
import { RIDGE } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';

const MOST_LEFT = 0.05;
const model = process.env.MODEL ?? 'synthetic:smollm2-135m?type=q8_0';
const threads = Number(process.env.THREADS ?? availableParallelism());

const args = [
  'profile',
  model,
  '--threads',
  String(threads),
  '--prompt-tokens',
  process.env.PROMPT ?? '512',
  '--json',
];
const done = spawnSync(process.execPath, [RIDGE, ...args], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
  maxBuffer: 2 ** 26,
});
if (done.status !== 0) throw new Error('ridge profile failed');
const { phases } = JSON.parse(done.stdout) as { phases: (ProfiledPhase & { modules: ModuleRow[] })[] };

const milliseconds = (seconds: number) => (seconds * 1e3).toFixed(3).padStart(10);
const figures = phases.map((phase): Figure => {
  console.log(
    `\n${phase.name} of ${model}, ${threads} threads: ${phase.tokens} tokens in ${phase.passes} passes`,
  );
  for (const { module, calls, seconds, share } of phase.modules)
    console.log(
      `${module.padEnd(10)} ${String(calls).padStart(6)} ${milliseconds(seconds)} ms ${(100 * share).toFixed(1).padStart(6)} %`,
    );
  console.log(
    `plain ${milliseconds(phase.plainSeconds)} ms, profiled ${milliseconds(phase.profiledSeconds)} ms`,
  );
  const left = Math.abs(1 - nodeSeconds(phase) / phase.profiledSeconds);
  return {
    claim: `modules of the ${phase.name} sum to the profiled run (which costs ${(100 * profileCost(phase)).toFixed(1)} % over the plain one)`,
    measured: `${(100 * left).toFixed(2)} % are left`,
    required: `at most ${100 * MOST_LEFT} %`,
    holds: left <= MOST_LEFT,
  };
});
conclude('modules', figures);
