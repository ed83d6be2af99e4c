// What only one script needs is a package of its own beside it, so that nobody who builds or tests Ridgepoint
// installs it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What npm installed, in its own words; null where it has not yet. */
function installedLock(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8')).packages;
  } catch {
    return null;
  }
}

/**
 * Installs what the lock file of a folder names, unless it is there already.
 *
 * @param {string} folder has package.json and package-lock.json
 * @param {string} what is installed, for people
 * @throws {Error} where npm fails
 */
export function installApart(folder, what) {
  const installed = installedLock(folder);
  const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  const differs = ([path, { version, optional }]) =>
    path !== '' && !optional && installed?.[path]?.version !== version;
  if (installed !== null && !Object.entries(packages).some(differs)) return;
  console.error(`installing ${what} (npm ci in ${folder}; half a minute)`);
  const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  // Standard output may be a result that somebody reads.
  const { status } = spawnSync('npm', words, { cwd: folder, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`npm ci in ${folder} ended with ${status}`);
}
