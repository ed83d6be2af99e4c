// Writes the table of docs/gpus.md and its sentence in README.md from docs/figures/gpu-errors.json, which
// `npm run bench -- silicon` writes. Usage: write-gpu-errors.ts FOLDER, the root of the checkout or a folder
// to compare with it
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { requireHardware } from '../roofline/hardware/catalogue.js';
import { engineName } from '../roofline/operators/engines.js';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: write-gpu-errors.ts FOLDER');

const share = z.number().nonnegative();
const schema = z
  .array(
    z.strictObject({
      device: z.string(),
      engine: z.string(),
      metric: z.enum(['ttft', 'tpot']),
      points: z.int().positive(),
      medianError: share,
      p90Error: share,
      coverage: share.max(1),
      fittedOn: z.string(),
    }),
  )
  .min(1);

const root = join(import.meta.dirname, '..');
const errors = schema.parse(JSON.parse(readFileSync(join(root, 'docs/figures/gpu-errors.json'), 'utf8')));
const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
const rows = errors.map(
  ({ device, engine, metric, points, medianError, p90Error, coverage }) =>
    `| ${requireHardware(device).name} | ${engineName(engine)} | ${metric.toUpperCase()} | ${points} | ${percent(medianError)} | ${percent(p90Error)} | ${percent(coverage)} |`,
);
/** One measured server under a load has several metrics, and is one point. */
const pointsOf = new Map<string, number>();
for (const { device, engine, points } of errors) {
  const cell = `${device} ${engine}`;
  pointsOf.set(cell, Math.max(points, pointsOf.get(cell) ?? 0));
}
const measured = [...pointsOf.values()].reduce((sum, points) => sum + points, 0);
const devices = new Set(errors.map(({ device }) => device)).size;
const fits = [...new Set(errors.map(({ fittedOn }) => fittedOn))];
const table = `${measured} measured points (servers under a load) of ${devices} GPUs. Fitted on: ${fits.join('; ')}.

| GPU | engine | of | points | median | 90 % within | in the band |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}`;

/** Puts a text between two marks of a page. */
function marked(page: string, name: string, text: string): string {
  const place = new RegExp(`(<!-- ${name} -->)[\\s\\S]*?(<!-- end -->)`);
  if (!place.test(page)) throw new Error(`${name}: the page has lost the marks of what is written into it`);
  return page.replace(place, (_, begin: string, end: string) => `${begin}${text}${end}`);
}

for (const [path, name, text] of [
  ['docs/gpus.md', 'errors', `\n\n${table}\n\n`],
  ['README.md', 'gpus', `predictions for ${devices} GPUs are judged on ${measured} measured points`],
] as const) {
  const page = marked(readFileSync(join(root, path), 'utf8'), name, text);
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), page);
}
