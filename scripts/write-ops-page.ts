// Writes docs/ops.md from the table of ops. Usage: write-ops-page.ts FOLDER
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpFacts } from '../core/kernels/op.js';
import { OPS } from '../core/kernels/ops.js';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: write-ops-page.ts FOLDER');

function section({ name, help, parameters, variants }: OpFacts): string {
  return [
    `## ${name}`,
    '',
    `${help[0]?.toUpperCase()}${help.slice(1)}.`,
    '',
    '| shape | default | range | |',
    '| --- | --- | --- | --- |',
    ...parameters.map((p) => `| \`${p.name}\` | ${p.fallback} | ${p.least} to ${p.most} | ${p.help} |`),
    '',
    '| variant | types | |',
    '| --- | --- | --- |',
    ...variants.map((v) => `| \`${v.name}\` | ${v.types.join(' ')} | ${v.help} |`),
    '',
  ].join('\n');
}

const page = [
  '# Ops',
  '',
  '<!-- Generated from core/kernels by `npm run generate`. -->',
  '',
  'Every op of `ridge kernels`, with its shape and its variants from the plainest to the one that asks most of a processor.',
  '[kernels.md](kernels.md) says what they are for.',
  '',
  ...OPS.map(section),
].join('\n');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'ops.md'), page);
