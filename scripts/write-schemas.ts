// Writes the published JSON Schemas into the folder given: sweep.schema.json (what a sweep file may say) and
// result.schema.json (what a result record holds), roofline.schema.json (what a roofline file may say). `npm run generate` calls it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { resultSchema } from '../core/result/result.js';
import { sweepJsonSchema } from '../core/sweep/schema.js';
import { rooflineJsonSchema } from '../roofline/analysis/schema.js';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('write-schemas: give the folder to write into, e.g. `schemas`.');
  process.exit(2);
}
const resultJsonSchema = {
  ...z.toJSONSchema(resultSchema),
  title: 'Ridgepoint result record',
  description: 'What one trial gives back (results.jsonl holds one a line).',
};
mkdirSync(folder, { recursive: true });
const schemas = { sweep: sweepJsonSchema(), result: resultJsonSchema, roofline: rooflineJsonSchema() };
for (const [name, schema] of Object.entries(schemas)) {
  writeFileSync(join(folder, `${name}.schema.json`), `${JSON.stringify(schema, null, 2)}\n`);
}
