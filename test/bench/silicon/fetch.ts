/**
 * Fetches what `npm run bench -- silicon` judges by into a folder: the wheel aiconfigurator-core 0.12.0
 * (Apache-2.0, 82 MB, by pip) and shallow clones of ml-energy/leaderboard (no licence stated: it is judged by
 * and nothing of it is shipped), Mutinifni/splitwise-sim (MIT) and microsoft/vidur (MIT). What is there
 * already stays.
 *
 *   node --import tsx test/bench/silicon/fetch.ts FOLDER
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const WHEEL = 'aiconfigurator-core==0.12.0';
const CLONES = {
  'ml-energy': 'https://github.com/ml-energy/leaderboard',
  splitwise: 'https://github.com/Mutinifni/splitwise-sim',
  vidur: 'https://github.com/microsoft/vidur',
};

const [given] = process.argv.slice(2);
if (given === undefined)
  throw new Error('Name a folder: node --import tsx test/bench/silicon/fetch.ts FOLDER');
const folder = resolve(given);
mkdirSync(folder, { recursive: true });

/** @returns whether it worked; what fails is said and left out. */
function run(command: string, args: readonly string[]): boolean {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) console.error(`${command} ${args.join(' ')} failed; what it brings is left out.`);
  return status === 0;
}

const wheel = join(folder, 'core');
if (!existsSync(wheel) && run('python3', ['-m', 'pip', 'download', '-q', '--no-deps', '-d', folder, WHEEL])) {
  const file = readdirSync(folder).find((name) => name.startsWith('aiconfigurator_core-'))!;
  run('python3', ['-m', 'zipfile', '-e', join(folder, file), wheel]);
}
for (const [name, source] of Object.entries(CLONES)) {
  const clone = join(folder, name);
  if (!existsSync(clone)) run('git', ['clone', '-q', '--depth', '1', source, clone]);
}
