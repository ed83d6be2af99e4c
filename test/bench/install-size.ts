/**
 * Installs the package as a coordinator's machine would (no dev dependencies, no engines) into a folder of
 * its own, adds up the sizes of all files, and starts that coordinator.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../support/ridge.js';
import { freePort, until } from '../support/services.js';
import { conclude, type Figure } from './figure.js';

const LIMIT_BYTES = 100e6;
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-thin-'));

function bytesOf(path: string): number {
  return readdirSync(path, { withFileTypes: true }).reduce((sum, entry) => {
    const child = join(path, entry.name);
    return sum + (entry.isDirectory() ? bytesOf(child) : entry.isFile() ? statSync(child).size : 0);
  }, 0);
}

const figures: Figure[] = [];
try {
  const npm = (args: readonly string[], cwd: string): string =>
    execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const tarball = npm(['pack', '--silent', '--pack-destination', folder], ROOT).trim();
  npm(['init', '-y', '--silent'], folder);
  npm(['install', '--no-audit', '--no-fund', '--omit=optional', '--omit=dev', join(folder, tarball)], folder);
  rmSync(join(folder, tarball));
  const bytes = bytesOf(folder);
  const packages = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.')).length;
  figures.push({
    claim: 'coordinator without engines, all files together',
    measured: `${(bytes / 1e6).toFixed(1)} MB (${packages} folders in node_modules)`,
    required: 'under 100 MB',
    holds: bytes < LIMIT_BYTES,
  });

  const port = await freePort();
  const http = await freePort();
  const coordinator = spawn(
    process.execPath,
    [
      join(folder, 'node_modules/ridgepoint/dist/cli/main.js'),
      'coordinator',
      ...[
        '--listen',
        `127.0.0.1:${port}`,
        '--metrics',
        `127.0.0.1:${http}`,
        '--web',
        'off',
        '--data',
        join(folder, 'data'),
      ],
    ],
    { stdio: 'ignore' },
  );
  const ended = new Promise<number | null>((resolve) => coordinator.once('close', resolve));
  const ready = await until('the coordinator to be ready', async () =>
    (await fetch(`http://127.0.0.1:${http}/readyz`)).ok ? true : null,
  ).catch(() => false);
  coordinator.kill('SIGTERM');
  const code = await ended;
  figures.push({
    claim: 'that coordinator starts, is ready and drains',
    measured: `${ready ? 'ready' : 'not ready'}, exit code ${code}`,
    required: 'ready, exit code 0',
    holds: ready && code === 0,
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
conclude('install-size', figures);
