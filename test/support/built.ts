import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './ridge.js';

/** Brings what is built up to date before the first test that starts it; a moment where nothing has changed, as after `npm test` has begun. */
export default function setup(): void {
  execFileSync(process.execPath, [join(ROOT, 'scripts/ready.mjs'), '--code'], { stdio: 'inherit' });
}
