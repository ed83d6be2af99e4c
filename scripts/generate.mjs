#!/usr/bin/env node
// Writes every generated file that is checked in: proto/gen, core/runners/server/gen, engines/native/gen,
// search/strategies/gen, schemas/*.json, docs/metrics.md, docs/settings.md, docs/figures.md, tables of
// docs/search.md and docs/gpus.md, the dashboards for Grafana, the chart's copies and its
// CustomResourceDefinition. That takes the packages and nothing else. --native builds the native library,
// too, and first writes core/kernels/gen from what it says of its ops (test/kernels/native/ops.test.ts
// compares) --check writes nothing, and fails when a file is not what its source gives
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const unknown = process.argv.slice(2).filter((word) => word !== '--check' && word !== '--native');
if (unknown.length > 0) {
  console.error(`generate: there is no option "${unknown.join(' ')}"; there are --native and --check.`);
  process.exit(2);
}
const check = process.argv.includes('--check');
const native = process.argv.includes('--native');
const out = check ? mkdtempSync(join(tmpdir(), 'ridgepoint-generate-')) : root;

const program =
  (command, args, cwd = root) =>
  () =>
    new Promise((resolve) => {
      const child = spawn(command, args, { cwd, stdio: ['ignore', 2, 2] });
      child.once('error', ({ message }) => {
        console.error(message);
        resolve(false);
      });
      child.once('close', (code) => resolve(code === 0));
    });
const script = (name, folder) =>
  program(process.execPath, ['--import', 'tsx', join(root, 'scripts', name), join(out, folder)]);
const buf = join(root, 'node_modules/.bin/buf');

/** What a step writes, later ones read. */
const STEPS = [
  [
    program(
      buf,
      ['generate', '--template', 'buf.gen.yaml', '--output', join(out, 'proto')],
      join(root, 'proto'),
    ),
    ...(native ? [script('write-ops-table.ts', 'core/kernels/gen')] : []),
    script('write-server-profiles.ts', 'core/runners/server/gen'),
    script('write-strategies.ts', '.'),
    script('write-kernel-bindings.ts', 'engines/native/gen'),
  ],
  [
    script('write-schemas.ts', 'schemas'),
    script('write-metrics-page.ts', 'docs'),
    script('write-settings-page.ts', 'docs'),
    script('write-figures-page.ts', 'docs'),
    script('write-gpu-errors.ts', '.'),
    script('write-dashboards.ts', 'dashboards/grafana'),
    script('write-crd.ts', 'helm/ridgepoint/files/crd'),
  ],
  [script('copy-chart-files.mjs', 'helm/ridgepoint/files')],
];
// A check reads nothing of what it writes, so that all of it goes at once.
for (const step of check ? [STEPS.flat()] : STEPS) {
  const written = await Promise.all(step.map((generate) => generate()));
  if (written.includes(false)) process.exit(1);
}

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
