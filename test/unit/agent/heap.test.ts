import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ROOT } from '../../support/ridge.js';

interface Collections {
  /** Of the whole heap. */
  readonly major: number;
  /** Markings that began before memory was needed, in steps. */
  readonly inSteps: number;
}

/**
 * Fills the heap of a process with some gigabytes that go away again, half a one at a time.
 * @returns how it collected them, as Node.js tells.
 */
async function collections(first: string): Promise<Collections> {
  const script = `
    import { constants, PerformanceObserver } from 'node:perf_hooks';
    import { collectOnlyWhenNeeded } from './process/isolation/heap.ts';
    ${first}
    const kinds = [];
    const take = (list) => kinds.push(...list.getEntries().map(({ detail }) => detail.kind));
    const observer = new PerformanceObserver(take);
    observer.observe({ entryTypes: ['gc'] });
    for (let round = 0; round < 12; round++) {
      const kept = [];
      for (let i = 0; i < 2_000; i++) {
        kept.push(new Array(8_000).fill(i));
        if (i % 100 === 0) await new Promise(setImmediate);
      }
    }
    await new Promise(setImmediate);
    const count = (wanted) => kinds.filter((kind) => kind === wanted).length;
    console.log(JSON.stringify({
      major: count(constants.NODE_PERFORMANCE_GC_MAJOR),
      inSteps: count(constants.NODE_PERFORMANCE_GC_INCREMENTAL),
    }));`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  return JSON.parse(stdout) as Collections;
}

test('an agent marks no part of its heap while it seems to be idle, and still collects it', async () => {
  expect((await collections('')).inSteps).toBeGreaterThan(0);
  const whenNeeded = await collections('collectOnlyWhenNeeded();');
  expect(whenNeeded.major).toBeGreaterThan(0);
  expect(whenNeeded.inSteps).toBe(0);
}, 300_000);
