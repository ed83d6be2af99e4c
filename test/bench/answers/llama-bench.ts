import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { studentQuantile } from '../../../statistics/distributions.js';
import { moments } from '../../../statistics/summary.js';
import type { Peer } from '../peers/llama-cpp.js';

/** One process of llama-bench: the logarithm of its mean speed at the prompt and at the answer. */
export interface BenchStart {
  readonly prefill: number;
  readonly decode: number;
}

/** Runs llama-bench as a user would for one row of the quickstart. */
export async function benchOnce(
  { program, libraries }: Peer,
  model: string,
  flashAttention: boolean,
  repeats: number,
): Promise<BenchStart> {
  const args = ['-m', model, '-t', '2', '-p', '256', '-n', '64', '-r', String(repeats), '-o', 'json'];
  const { stdout } = await promisify(execFile)(program, [...args, '-fa', flashAttention ? 'on' : 'off'], {
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
    maxBuffer: 2 ** 26,
  });
  const of = JSON.parse(stdout) as { n_prompt: number; avg_ts: number }[];
  const speed = (prompt: boolean) => Math.log(of.find(({ n_prompt }) => n_prompt > 0 === prompt)!.avg_ts);
  return { prefill: speed(true), decode: speed(false) };
}

/**
 * Half width of the 95 % interval of the ratio of two sides (Welch), from the logarithms of their processes.
 */
export function halfWidthOf(a: readonly number[], b: readonly number[]): number {
  const part = (values: readonly number[]) => moments(values).squares / (values.length - 1) / values.length;
  const [x, y] = [part(a), part(b)];
  const df = (x + y) ** 2 / (x ** 2 / (a.length - 1) + y ** 2 / (b.length - 1));
  return Math.exp(studentQuantile(0.975, df) * Math.sqrt(x + y)) - 1;
}
