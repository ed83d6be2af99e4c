// Writes docs/metrics.md from the catalogue; argument: the folder to write into.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { METRICS, type MetricBetter } from '../core/metrics/catalogue.js';
import {
  AGENT_METRICS,
  COORDINATOR_METRICS,
  type ExportedMetric,
  RESULT_LABELS,
} from '../core/metrics/exported.js';
import { WARNINGS } from '../core/result/warnings.js';

const better = (direction: MetricBetter): string =>
  direction === null ? '' : direction === 'max' ? 'higher' : 'lower';

const exportedTable = (
  metrics: readonly ExportedMetric[],
): string => `| Prometheus | kind | labels | meaning |
|---|---|---|---|
${metrics.map((m) => `| \`${m.name}\` | ${m.kind} | ${m.labels.join(', ')} | ${m.help} |`).join('\n')}`;

const page = `# Metrics

Made from \`core/metrics/metrics.json\`, \`core/metrics/exported.ts\` and \`core/result/warnings.json\` by \`npm run generate\`. In Prometheus every
metric of a result is a gauge \`ridgepoint_<name>\` with the labels ${RESULT_LABELS.join(', ')}; objectives of a sweep use
the name in the first column. How they are exported: docs/prometheus.md.

| name | Prometheus | unit | better | meaning |
|---|---|---|---|---|
${METRICS.map((m) => `| \`${m.name}\` | \`ridgepoint_${m.prometheus}\` | ${m.unit} | ${better(m.better)} | ${m.help} |`).join('\n')}

## Exported by the coordinator

${exportedTable(COORDINATOR_METRICS)}

## Exported by agents

${exportedTable(AGENT_METRICS)}

## Warnings

| code | makes the row | meaning |
|---|---|---|
${Object.entries(WARNINGS)
  .map(([code, { severity, help }]) => `| \`${code}\` | ${severity === 'note' ? '' : severity} | ${help} |`)
  .join('\n')}
`;

const folder = process.argv[2] ?? 'docs';
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'metrics.md'), page);
