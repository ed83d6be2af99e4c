// Writes docs/ops.md from the table of ops. Usage: write-ops-page.ts FOLDER
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OPS } from '../core/kernels/gen/ops.js';
import type { OpFacts, OpVariant } from '../core/kernels/op.js';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: write-ops-page.ts FOLDER');

/** What a variant needs, in the words of its platform. */
const needs = ({ platform, level }: OpVariant): string => (platform === 'any' ? '' : `${platform} ${level}`);

/** `1e-6`, or for each error the types that are allowed it: powers of two and ten added up, so in two digits. */
function errors({ tolerance }: OpVariant): string {
  const types = new Map<string, string[]>();
  for (const [type, value] of Object.entries(tolerance)) {
    const error = Number(value.toPrecision(2)).toExponential();
    types.set(error, [...(types.get(error) ?? []), type]);
  }
  const all = [...types];
  return all.length === 1 ? all[0]![0] : all.map(([error, of]) => `${of.join(' ')}: ${error}`).join(', ');
}

function section({ name, help, parameters, constraints, variants }: OpFacts): string {
  return [
    `## ${name}`,
    '',
    `${help[0]?.toUpperCase()}${help.slice(1)}.`,
    '',
    '| shape | default | range | |',
    '| --- | --- | --- | --- |',
    ...parameters.map((p) => `| \`${p.name}\` | ${p.fallback} | ${p.least} to ${p.most} | ${p.help} |`),
    '',
    ...constraints.flatMap(({ sentence }) => [
      `\`${sentence.split(' ')[0]}\`${sentence.slice(sentence.indexOf(' '))}.`,
      '',
    ]),
    '| variant | needs | types | allowed error | |',
    '| --- | --- | --- | --- | --- |',
    ...variants.map(
      (v) => `| \`${v.name}\` | ${needs(v)} | ${v.types.join(' ')} | ${errors(v)} | ${v.help} |`,
    ),
    '',
  ].join('\n');
}

const page = [
  '# Ops',
  '',
  '<!-- Generated from core/kernels/gen/ops.ts by `npm run generate`. -->',
  '',
  'Every op of `ridge kernels`, with its shape and its variants from the plainest to the one that asks most of a machine. An error is',
  'allowed for each unit of the sum of magnitudes that a number was added up from.',
  '[kernels.md](kernels.md) says what they are for.',
  '',
  ...OPS.map(section),
].join('\n');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'ops.md'), page);
