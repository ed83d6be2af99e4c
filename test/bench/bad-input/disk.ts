import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { complete, ended, printed, refused } from './expectations.js';
import { type Case, type Ground, NotRun, records } from './ground.js';
import { fakeSweep, sweep } from './sweep.js';

/** A small disk of its own: a tmpfs of so many bytes. */
function mountDisk(ground: Ground, name: string, bytes: number, ...options: string[]): string {
  const path = ground.path(name);
  mkdirSync(path);
  const words = ['-t', 'tmpfs', '-o', [`size=${bytes}`, ...options].join(','), 'tmpfs', path];
  if (spawnSync('mount', words).status !== 0) throw new NotRun('this user may not mount a small disk');
  ground.atEnd(() => spawnSync('umount', ['--lazy', path]));
  return path;
}

function enlarge(path: string, bytes: number): void {
  spawnSync('mount', ['-o', `remount,size=${bytes}`, path]);
}

const EXPERIMENTS = 12;

function fullWhileRunning(name: string, bytes: number): Case {
  return {
    name: `8 a disk that fills up ${name}, then is freed`,
    async run(ground) {
      const disk = mountDisk(ground, 'disk', bytes);
      const file = ground.write('sweep.yaml', fakeSweep(EXPERIMENTS, 0.3));
      const args = ['run', file, '--out', `${disk}/out`];
      const first = await ground.ridge(args, {}, 120);
      const wrong = refused({ ...first, seconds: 0 }, { code: 1, says: ['disk', /full/] });
      wrong.push(...(await ground.leftovers()).map((what) => `after the first run: ${what}`));
      enlarge(disk, 64 * 2 ** 20);
      const second = await ground.ridge(args, {}, 120);
      return [...wrong, ...ended(second, 0), ...complete(records(`${disk}/out`), EXPERIMENTS)];
    },
  };
}

const cacheFull: Case = {
  name: '8 a cache on a full disk while quantizing, then freed',
  async run(ground) {
    const disk = mountDisk(ground, 'small', 256 * 1024);
    writeFileSync(`${disk}/filling`, Buffer.alloc(200 * 1024));
    const techniques = { quantization: ['base', 'q8_0'] };
    const file = ground.write('sweep.yaml', sweep({ techniques }));
    const args = ['run', file, '--out', 'out'];
    const first = await ground.ridge(args, { XDG_CACHE_HOME: disk });
    const wrong = [...ended(first, 1), ...printed(first, ['disk-full', disk])];
    wrong.push(...complete(records(ground.path('out')), 1));
    wrong.push(...leftIn(disk));
    enlarge(disk, 64 * 2 ** 20);
    const second = await ground.ridge(args, { XDG_CACHE_HOME: disk });
    return [...wrong, ...ended(second, 0), ...complete(records(ground.path('out')), 2)];
  },
};

/** There is room for the check before, and not for the file: the engine itself meets the full disk. */
const fullUnderTheEngine: Case = {
  name: '8 a cache that fills up under the engine',
  async run(ground) {
    // The smaller base passes the check of its own size; f32 of it is twice as large.
    const disk = mountDisk(ground, 'small', 3 * 2 ** 20);
    const techniques = { quantization: ['base', 'f32'] };
    const file = ground.write('sweep.yaml', sweep({ techniques }));
    const run = await ground.ridge(['run', file, '--out', 'out'], { XDG_CACHE_HOME: disk });
    const wrong = [...ended(run, 1), ...printed(run, ['disk-full'])];
    return [...wrong, ...complete(records(ground.path('out')), 1), ...leftIn(disk)];
  },
};

function leftIn(disk: string): string[] {
  const files = readdirSync(disk, { recursive: true, encoding: 'utf8' });
  return files
    .filter((name) => /\.(lock|draft|tmp|gguf)$/.test(name))
    .map((name) => `left in the cache: ${name}`);
}

const readOnly: Case = {
  name: '9 an --out that cannot be written',
  async run(ground) {
    const disk = mountDisk(ground, 'sealed', 2 ** 20, 'ro');
    const file = ground.write('sweep.yaml', fakeSweep(1, 0.3));
    return refused(await ground.ridge(['run', file, '--out', `${disk}/out`]), {
      code: 2,
      says: [`${disk}/out cannot be written`],
    });
  },
};

export const DISK_CASES: readonly Case[] = [
  fullWhileRunning('while it runs', 200 * 1024),
  fullWhileRunning('at the start', 40 * 1024),
  fullWhileRunning('before the start', 4096),
  cacheFull,
  fullUnderTheEngine,
  readOnly,
];
