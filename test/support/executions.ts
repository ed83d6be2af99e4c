import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './ridge.js';

/**
 * Counts the work of functions in place of timing it: how often the blocks of JavaScript that they reach are
 * entered, packages included. Counts of two runs differ by a few per cent at most, however busy the machine
 * is. A built-in function counts once; searches of arrays count each element that they look at.
 * @param module path from the root of a module whose default export is functions by name. It is loaded in a
 *   process of its own: V8 counts blocks only in code that it compiles after it was told to count.
 * @returns counts by name.
 */
export async function executionsIn(module: string): Promise<ReadonlyMap<string, number>> {
  const counter = join(ROOT, 'test/fixtures/count-executions.ts');
  const args = ['--import', 'tsx', counter, join(ROOT, module)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  return new Map(Object.entries(JSON.parse(stdout) as Record<string, number>));
}
