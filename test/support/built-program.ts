import { join } from 'node:path';
import type { OwnProgram } from '../../process/isolation/own-program.js';
import { ROOT } from './ridge.js';

/**
 * Stands for `process/isolation/own-program.ts` where tests start children (vitest.config.ts): what they
 * start is built, as users have it. From source each child would load TypeScript first, four times the work
 * of its start.
 */
export function ownProgram(name: string): OwnProgram {
  return { loader: [], path: join(ROOT, 'dist', `${name}.js`) };
}
