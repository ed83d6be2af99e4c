// Writes dashboards/grafana/*.json from their code. Usage: write-dashboards.ts FOLDER
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boards } from '../dashboards/grafana/index.js';
import { errorsOf } from '../dashboards/grafana/lint.js';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: write-dashboards.ts FOLDER');

const all = boards();
const errors = all.flatMap(errorsOf);
if (errors.length > 0) {
  console.error(`dashboards are wrong:\n${errors.join('\n')}`);
  process.exit(1);
}
mkdirSync(folder, { recursive: true });
const files = all.map(({ file }) => file);
// A dashboard that has no code any more goes.
for (const name of readdirSync(folder)) {
  if (name.endsWith('.json') && !files.includes(name)) rmSync(join(folder, name));
}
for (const { file, dashboard } of all) {
  writeFileSync(join(folder, file), `${JSON.stringify(dashboard, null, 1)}\n`);
}
