/**
 * bench:gpu-kit: is the kit for a bare GPU machine whole? It is made as for one (without the engines that npm
 * would fetch), checked, unpacked and started where there is no Node.js on the path, and goes as far as it
 * can without a GPU.
 *
 *   1. no part is larger than 60 MB, and a part that was damaged on its way is named
 *   2. unpacked, it runs its own Node.js, says what the machine is, and that there is no GPU: exit code 4,
 *     "not run"
 *   3. it lists its stages, and what is no stage is a usage error
 *
 * On a machine with a GPU the second claim is that the stage ran.
 *
 *   npm run bench -- gpu-kit
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conclude } from './figure.js';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-gpu-kit-'));
const [carried, there] = [join(folder, 'carried'), join(folder, 'there')];
const LARGEST_PART = 60 * 2 ** 20;
const hasGpu = existsSync('/dev/nvidiactl');

const bash = (args: readonly string[], path = process.env.PATH) =>
  spawnSync('/bin/bash', args, { cwd: root, encoding: 'utf8', env: { HOME: folder, PATH: path } });
/** A path that has tools and no Node.js, as on a bare machine. */
const bare = () => {
  const tools = join(folder, 'bin');
  spawnSync('mkdir', ['-p', tools]);
  for (const tool of [
    'bash',
    'cat',
    'cut',
    'dirname',
    'grep',
    'gzip',
    'kill',
    'ls',
    'mkdir',
    'pkill',
    'sha256sum',
    'sleep',
    'tar',
    'tee',
    'uname',
  ]) {
    const found = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).stdout.trim();
    if (found.startsWith('/')) spawnSync('ln', ['-sf', found, join(tools, tool)]);
  }
  return tools;
};

try {
  const made = bash(['scripts/gpu-kit.sh', carried, '--without-engines']);
  process.stderr.write(made.stderr);
  if (made.status !== 0) throw new Error(`the kit was not made: exit code ${made.status}`);
  const parts = readdirSync(carried).filter((name) => name.startsWith('part-'));
  const sizes = parts.map((name) => statSync(join(carried, name)).size);
  const path = bare();
  const unpacked = bash([join(carried, 'unpack.sh'), there], path);
  if (unpacked.status !== 0) throw new Error(unpacked.stderr);
  const prove = (...args: string[]) => bash([join(there, 'gpu-prove.sh'), ...args], path);
  const machine = prove('machine');
  const said = machine.stdout.split('\n').find((line) => line.startsWith('not run:')) ?? '';
  const list = prove();
  const unknown = prove('nonsense');
  const commit = readFileSync(join(there, 'commit'), 'utf8').trim();
  truncateSync(join(carried, parts.at(-1)!), Math.floor(sizes.at(-1)! / 2));
  const damaged = bash([join(carried, 'unpack.sh'), join(folder, 'again')], path);

  conclude('gpu-kit', [
    {
      claim: 'parts for a narrow door',
      measured: `${parts.length} parts, the largest ${(Math.max(...sizes) / 2 ** 20).toFixed(1)} MiB; of a damaged one it says: ${damaged.stdout.trim().split('\n')[0]}`,
      required: 'at most 60 MiB each, and the damaged one is named',
      holds:
        sizes.every((size) => size <= LARGEST_PART) &&
        damaged.status === 1 &&
        damaged.stdout.includes(parts.at(-1)!),
    },
    {
      claim: `the kit of ${commit.slice(0, 8)} runs without Node.js on the path`,
      measured: `exit code ${machine.status}, ${said || 'it ran'}; ${machine.stdout.match(/^v\d+\.\d+\.\d+$/m)?.[0] ?? 'no Node.js'}`,
      required: hasGpu ? 'the stage ran' : 'exit code 4, not run: no NVIDIA GPU',
      holds: hasGpu ? machine.status === 0 : machine.status === 4 && said.includes('no NVIDIA GPU'),
    },
    {
      claim: 'it says what there is',
      measured: `${list.stdout.trim().split('\n').length} stages, ${list.stdout.includes('machine    not run') ? 'the first marked' : 'the first unmarked'}; of another: exit code ${unknown.status}`,
      required: '10 stages, how each ended, and exit code 2 for another',
      holds:
        list.stdout.trim().split('\n').length === 10 &&
        unknown.status === 2 &&
        (hasGpu || list.stdout.includes('machine    not run')),
    },
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
