import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bytesBeforeMemory, lastCacheBytes } from '../../../process/device/caches.js';
import { sharedFolder } from '../../support/folder.js';

const folder = sharedFolder();

/** A /sys whose CPUs have the caches of a list: level, size, and the CPUs that share it. */
function system(name: string, caches: readonly (readonly [number, string, string])[]): string {
  const root = join(folder, name);
  for (let cpu = 0; cpu < 4; cpu++) {
    for (const [index, [level, size, shared]] of caches
      .filter(([, , list]) => list.includes(String(cpu)))
      .entries()) {
      const cache = join(root, `devices/system/cpu/cpu${cpu}/cache/index${index}`);
      mkdirSync(cache, { recursive: true });
      const facts = { type: 'Unified', level: String(level), size, shared_cpu_list: shared };
      for (const [file, text] of Object.entries(facts)) writeFileSync(join(cache, file), `${text}\n`);
    }
  }
  return root;
}
const ALL = [0, 1, 2, 3];

test('data comes from memory when it exceeds all last caches of the CPUs, not that of one', () => {
  const chiplets = system('chiplets', [
    [2, '1024K', '0,1'],
    [2, '1024K', '2,3'],
    [3, '32M', '0,1'],
    [3, '32M', '2,3'],
  ]);
  expect(bytesBeforeMemory(ALL, chiplets)).toBe(2 ** 26);
  expect(bytesBeforeMemory([2], chiplets)).toBe(2 ** 25);
  expect(lastCacheBytes(ALL, chiplets)).toBe(2 ** 26);
});

test('without a third level those of the second count, and without a word 32 MiB', () => {
  const small = system('small', [[2, '512K', '0,1,2,3']]);
  expect(bytesBeforeMemory(ALL, small)).toBe(2 ** 19);
  expect(lastCacheBytes(ALL, small)).toBeNull();
  expect(bytesBeforeMemory([], small)).toBe(2 ** 25);
});
