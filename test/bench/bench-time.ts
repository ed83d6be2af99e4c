/**
 * `ridge bench` takes as long as llama-bench with the same `-r`, within a factor of 2 and 10 s, and says each row when it has it.
 * llama-bench is `RIDGEPOINT_LLAMA_BENCH` where that is set (a row of ours is two of its tests: `-p` and `-n`, in turns with ours); else its time is
 * reckoned from what our rows measured: for each combination a load, and a warm-up and `-r` repeats of the prompt and of the decode steps.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtinFolder } from '../../artifacts/files/source.js';
import { metricValue, type ResultRecord } from '../../core/result/result.js';
import { startRidge } from '../support/ridge.js';
import { conclude } from './figure.js';

const REPEATS = 5;
const ROWS = 4;
const PROMPT = 256;
const STEPS = 64;
const FLAGS = ['-p', String(PROMPT), '-n', String(STEPS), '-t', '1,2', '-r', String(REPEATS)];

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-time-'));
const began = performance.now();
const running = startRidge(['bench', '-m', 'builtin:small', ...FLAGS, '--ctk', 'f16,q8_0', '-fa', '1'], {
  cwd: folder,
});
await running.says(/prefill .*, decode /);
const firstSaid = Date.now();
const { code, stderr } = await running.ended;
const ours = (performance.now() - began) / 1000;

const [out] = /ridge-out\/\S+results\.jsonl/.exec(stderr) ?? [''];
const records = readFileSync(join(folder, out), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as ResultRecord);
rmSync(folder, { recursive: true });
const behind = (firstSaid - Math.min(...records.map(({ endedAt }) => Date.parse(endedAt)))) / 1000;

function theirs(): { readonly seconds: number; readonly how: string } {
  const program = process.env.RIDGEPOINT_LLAMA_BENCH;
  if (program === undefined) {
    const seconds = records.map((record) => {
      const value = (metric: string) => metricValue(record, metric) ?? 0;
      const round = PROMPT / value('prefillTokensPerSecond') + STEPS / value('decodeTokensPerSecond');
      return value('loadSeconds') + (1 + REPEATS) * round;
    });
    return { seconds: seconds.reduce((sum, one) => sum + one, 0), how: 'reckoned from our rows' };
  }
  const at = performance.now();
  const model = join(builtinFolder(), 'small-f16.gguf');
  const { status } = spawnSync(program, ['-m', model, ...FLAGS, '-ctk', 'f16,q8_0', '-fa', '1'], {
    stdio: 'ignore',
  });
  if (status !== 0) throw new Error(`${program} ended with ${status}`);
  return { seconds: (performance.now() - at) / 1000, how: 'by the clock' };
}

const { seconds, how } = theirs();
conclude('bench-time', [
  {
    claim: `time of ${ROWS} rows beside llama-bench`,
    measured: `${ours.toFixed(1)} s, ${records.length} rows, exit code ${code}; llama-bench ${seconds.toFixed(1)} s (${how})`,
    required: `at most ${(2 * seconds + 10).toFixed(1)} s: twice as long and 10 s`,
    holds: code === 0 && records.length === ROWS && ours <= 2 * seconds + 10,
  },
  {
    claim: 'rows as they come',
    measured: `the first was said ${behind.toFixed(1)} s after its trial had ended`,
    required: 'at most 2 s',
    holds: behind <= 2,
  },
]);
