// Writes the CustomResourceDefinition of Sweeps into the folder given, e.g. helm/ridgepoint/files/crd.
// `npm run generate` calls it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { sweepDefinition } from '../operator/sweep/crd.js';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('write-crd: give the folder to write into.');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const head = '# Made of schemas/sweep.schema.json and operator/sweep/definition.ts by `npm run generate`.\n';
// References and folded lines would only make it harder to compare.
writeFileSync(
  join(folder, 'sweeps.yaml'),
  head + stringify(sweepDefinition(), { lineWidth: 0, aliasDuplicateObjects: false }),
);
