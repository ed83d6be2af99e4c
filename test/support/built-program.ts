import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OwnProgram } from '../../process/isolation/own-program.js';
import { ROOT } from './ridge.js';

/**
 * Stands for `process/isolation/own-program.ts` where tests start children (vitest.config.ts): what they
 * start is built, as users have it. From source each child would load TypeScript first, four times the work
 * of its start.
 */
export function ownProgram(name: string, from: string): OwnProgram {
  const source = fileURLToPath(new URL(`${name}.js`, from));
  return { loader: [], path: join(ROOT, 'dist', relative(ROOT, source)) };
}
