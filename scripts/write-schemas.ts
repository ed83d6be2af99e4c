// Writes the published JSON Schemas into the folder given: sweep.schema.json (what a sweep file may say) and
// result.schema.json (what a result record holds), answer.schema.json (what was said to an item),
// graph.schema.json (what a graph file may say), graph-call.schema.json (what one of its calls was),
// ranking.schema.json (what a ranking file may say), roofline.schema.json (what a roofline file may say), and
// those of the settings of coordinator, agent and operator. `npm run generate` calls it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { settingsJsonSchema } from '../cli/config/kinds.js';
import { graphJsonSchema } from '../core/graph/definition.js';
import { callSchema } from '../core/graph/record.js';
import { answerSchema } from '../core/quality/answers/record.js';
import { rankingJsonSchema } from '../core/ranking/definition.js';
import { resultSchema } from '../core/result/result.js';
import { sweepJsonSchema } from '../core/sweep/schema.js';
import { rooflineJsonSchema } from '../roofline/analysis/schema.js';

/** Characters of a line. */
const WIDTH = 140;

const folder = process.argv[2];
if (folder === undefined) {
  console.error('write-schemas: give the folder to write into, e.g. `schemas`.');
  process.exit(2);
}

/**
 * @returns JSON in which whatever fits on one line is on one.
 * @param before characters that the line has already.
 */
function written(value: unknown, indent = '', before = 0): string {
  const line = JSON.stringify(value, null, 1).replace(/\n\s*/g, ' ');
  if (typeof value !== 'object' || value === null || before + line.length < WIDTH) return line;
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((one) => written(one, inner, inner.length))
    : Object.entries(value).map(([key, one]) => {
        const name = `${JSON.stringify(key)}: `;
        return `${name}${written(one, inner, inner.length + name.length)}`;
      });
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${parts.map((part) => `${inner}${part}`).join(',\n')}\n${indent}${close}`;
}

const resultJsonSchema = {
  ...z.toJSONSchema(resultSchema),
  title: 'Ridgepoint result record',
  description: 'What one trial gives back (results.jsonl holds one a line).',
};
const answerJsonSchema = {
  ...z.toJSONSchema(answerSchema),
  title: 'Ridgepoint answer',
  description: 'What a model said to an item of a task (files in answers/ hold one a line).',
};
mkdirSync(folder, { recursive: true });
const callJsonSchema = {
  ...z.toJSONSchema(callSchema),
  title: 'Ridgepoint graph call',
  description: 'One request or tool of an application (files in calls/ hold one a line).',
};
const schemas = {
  sweep: sweepJsonSchema(),
  result: resultJsonSchema,
  answer: answerJsonSchema,
  graph: graphJsonSchema(),
  'graph-call': callJsonSchema,
  ranking: rankingJsonSchema(),
  roofline: rooflineJsonSchema(),
  coordinator: settingsJsonSchema('coordinator'),
  agent: settingsJsonSchema('agent'),
  operator: settingsJsonSchema('operator'),
};
for (const [name, schema] of Object.entries(schemas)) {
  writeFileSync(join(folder, `${name}.schema.json`), `${written(schema)}\n`);
}
