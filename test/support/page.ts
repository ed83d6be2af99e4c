import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Builds the report page where nobody has yet. */
export function buildPage(): void {
  if (existsSync(join(root, 'dist/dashboards/web/report.html'))) return;
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  execFileSync(
    process.execPath,
    [vite, 'build', '--config', 'dashboards/web/vite.config.ts', '--logLevel', 'error'],
    { cwd: root },
  );
}
