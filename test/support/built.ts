import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './ridge.js';

/** Each project of vitest has this module to itself; what is built is the same for all of them. */
const built = globalThis as { ridgepointIsBuilt?: true };

/**
 * Brings what is built up to date before the first test that starts it; a moment where nothing has changed,
 * as after `npm test` has begun.
 */
export default function setup(): void {
  if (built.ridgepointIsBuilt) return;
  execFileSync(process.execPath, [join(ROOT, 'scripts/ready.mjs'), '--code'], { stdio: 'inherit' });
  built.ridgepointIsBuilt = true;
}
