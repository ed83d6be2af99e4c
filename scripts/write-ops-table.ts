// Writes core/kernels/gen/ops.ts from what the native library says of its ops. Usage: write-ops-table.ts
// FOLDER The library is brought up to date first, which takes CMake and a C++ compiler.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OpListing, openOps } from '../engines/native/ops.js';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: write-ops-table.ts FOLDER');

const { status, stdout } = spawnSync(process.execPath, [join(import.meta.dirname, 'build-kernels.mjs')], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (status !== 0) {
  console.error('write-ops-table: the native library was not built, and it is what describes the ops.');
  process.exit(1);
}

/** A line for each parameter, constraint and variant, so that a change of one reads as one. */
const lines = (name: string, values: readonly unknown[]): string =>
  `${name}: [${values.map((value) => `\n      ${JSON.stringify(value)},`).join('')}${values.length > 0 ? '\n    ' : ''}],`;

function entry({ name, family, help, parameters, constraints, types, variants }: OpListing): string {
  return `  {
    name: ${JSON.stringify(name)},
    family: ${JSON.stringify(family)},
    help: ${JSON.stringify(help)},
    ${lines('parameters', parameters)}
    ${lines('constraints', constraints)}
    types: ${JSON.stringify(types)},
    ${lines(
      'variants',
      // What this machine cannot run is no matter of the table.
      variants.map(({ absent: _absent, ...variant }) => variant),
    )}
  },`;
}

const ops = (await openOps(stdout.trim().split('\n').at(-1)!)).describe();
mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, 'ops.ts'),
  `// Generated from kernels/ops by \`npm run generate -- --native\` (scripts/write-ops-table.ts).
import type { OpFacts } from '../op.js';

/** Every op of kernels/ops, by family and name. */
export const OPS: readonly OpFacts[] = [
${ops.map(entry).join('\n')}
];
`,
);
