#!/usr/bin/env node
// Writes every generated file that is checked in: proto/gen, core/kernels/gen (by the native library, which is built for it), core/runners/server/gen,
// schemas/*.json, docs/metrics.md, docs/ops.md, the dashboards for Grafana and the chart's copies.
// With --check it writes nothing and fails when one of them is not what its source gives.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const check = process.argv.includes('--check');
const out = check ? mkdtempSync(join(tmpdir(), 'ridgepoint-generate-')) : root;

const bin = (name) => join(root, 'node_modules/.bin', name);
execFileSync(bin('buf'), ['generate', '--template', 'buf.gen.yaml', '--output', join(out, 'proto')], {
  cwd: join(root, 'proto'),
  stdio: ['ignore', 2, 2],
});
const write = (script, folder) =>
  execFileSync(process.execPath, ['--import', 'tsx', join(root, 'scripts', script), join(out, folder)], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
// First, for schemas and pages are made of them.
write('write-ops-table.ts', 'core/kernels/gen');
write('write-server-profiles.ts', 'core/runners/server/gen');
write('write-schemas.ts', 'schemas');
write('write-metrics-page.ts', 'docs');
write('write-ops-page.ts', 'docs');
write('write-dashboards.ts', 'dashboards/grafana');
write('copy-chart-files.mjs', 'helm/ridgepoint/files');

if (check) {
  const stale = [];
  const walk = (folder) => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) walk(path);
      else {
        const committed = join(root, relative(out, path));
        if (!existsSync(committed) || !readFileSync(committed).equals(readFileSync(path))) {
          stale.push(relative(root, committed));
        }
      }
    }
  };
  walk(out);
  // Nothing writes these but their generator, so what has no source is stale.
  for (const [folder, ending] of [
    ['helm/ridgepoint/files', ''],
    ['dashboards/grafana', '.json'],
  ]) {
    for (const name of readdirSync(join(root, folder), { recursive: true })) {
      const path = join(folder, name);
      if (name.endsWith(ending) && !existsSync(join(out, path))) stale.push(path);
    }
  }
  rmSync(out, { recursive: true });
  if (stale.length > 0) {
    console.error(`Generated files are not up to date: ${stale.join(', ')}. Run \`npm run generate\`.`);
    process.exit(1);
  }
}
