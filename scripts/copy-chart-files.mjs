#!/usr/bin/env node
// Copies what the Helm chart carries but another folder owns, for a chart cannot read outside its own: the
// rules for Prometheus and the dashboards. Argument: the folder to write into (default:
// helm/ridgepoint/files).
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = process.argv[2] ?? join(root, 'helm/ridgepoint/files');

for (const [folder, ending] of [
  ['prometheus', '.yaml'],
  ['grafana', '.json'],
]) {
  const from = join(root, 'dashboards', folder);
  const to = join(out, folder);
  // A dashboard that is no more must not live on in the chart.
  rmSync(to, { recursive: true, force: true });
  const names = existsSync(from) ? readdirSync(from).filter((name) => name.endsWith(ending)) : [];
  if (names.length > 0) mkdirSync(to, { recursive: true });
  for (const name of names) cpSync(join(from, name), join(to, name));
}
