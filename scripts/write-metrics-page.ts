// Writes docs/metrics.md from the catalogue; argument: the folder to write into.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { METRICS, type MetricBetter } from '../core/metrics/catalogue.js';
import { WARNINGS } from '../core/warnings.js';

const better = (direction: MetricBetter): string =>
  direction === null ? '' : direction === 'max' ? 'higher' : 'lower';

const page = `# Metrics

Made from \`core/metrics/catalogue.ts\` and \`core/warnings.ts\` by \`npm run generate\`. In Prometheus every metric of a result is a gauge
\`ridgepoint_<name>\`; objectives of a sweep use the name in the first column.

| name | Prometheus | unit | better | meaning |
|---|---|---|---|---|
${METRICS.map((m) => `| \`${m.name}\` | \`ridgepoint_${m.prometheus}\` | ${m.unit} | ${better(m.better)} | ${m.help} |`).join('\n')}

## Warnings

| code | makes the row invalid | meaning |
|---|---|---|
${Object.entries(WARNINGS)
  .map(([code, { severity, help }]) => `| \`${code}\` | ${severity === 'invalid' ? 'yes' : ''} | ${help} |`)
  .join('\n')}
`;

const folder = process.argv[2] ?? 'docs';
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'metrics.md'), page);
