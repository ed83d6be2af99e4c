import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ROOT } from '../../support/ridge.js';

const run = promisify(execFile);

/** Fills a heap with some hundred megabytes that go away again. @returns how V8 collected them, a line each. */
async function collections(first: string): Promise<string[]> {
  const script = `
    import { collectOnlyWhenNeeded } from './process/isolation/heap.ts';
    ${first}
    console.log('filling');
    for (let round = 0; round < 4; round++) {
      const kept = [];
      for (let i = 0; i < 2_000; i++) {
        kept.push(new Array(8_000).fill(i));
        if (i % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }`;
  const args = ['--trace-gc', '--import', 'tsx', '--input-type=module', '-e', script];
  const { stdout } = await run(process.execPath, args, { cwd: ROOT });
  const [, filling = ''] = stdout.split('filling\n');
  return filling.split('\n').filter((line) => line.includes('Mark-Compact'));
}

test('an agent marks no part of its heap while it seems to be idle, and still collects it', async () => {
  const inSteps = (lines: readonly string[]) => lines.filter((line) => line.includes('steps since start'));
  expect(inSteps(await collections('')).length).toBeGreaterThan(0);
  const whenNeeded = await collections('collectOnlyWhenNeeded();');
  expect(whenNeeded.length).toBeGreaterThan(0);
  expect(inSteps(whenNeeded)).toEqual([]);
});
