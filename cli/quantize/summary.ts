import { weightBytes } from '../../agent/artifacts/gguf/facts.js';
import { type GgufHeader, readGgufHeader } from '../../agent/artifacts/gguf/header.js';
import type { Made } from '../../agent/artifacts/making.js';
import { bitsPerWeight } from '../../core/metrics/derive.js';
import { formatValue } from '../../core/metrics/format.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';

/** What was made of a model. */
export interface Written {
  readonly path: string;
  readonly made: Made;
  readonly type: string;
  readonly threads: number;
}

/** Sums up what quantization did to a file: a table for people, or JSON. */
export function report(before: GgufHeader, { path, made, type, threads }: Written, json: boolean): void {
  const after = readGgufHeader(path);
  const types = typesOf(after);
  const ratio = weightBytes(before) / weightBytes(after);
  if (json) {
    printJson({
      output: path,
      type,
      fileBytes: after.fileBytes,
      weightBytes: weightBytes(after),
      baseWeightBytes: weightBytes(before),
      bitsPerWeight: bits(after),
      compressionRatio: ratio,
      types,
      warnings: made.warnings,
      seconds: made.seconds,
      threads,
    });
    return;
  }
  printData(
    plainTable(
      ['', 'before', 'after'],
      [
        ['file', formatValue(before.fileBytes, 'B'), formatValue(after.fileBytes, 'B')],
        ['weights', formatValue(weightBytes(before), 'B'), formatValue(weightBytes(after), 'B')],
        ['bits per weight', bits(before).toFixed(2), bits(after).toFixed(2)],
        ['tensors', words(typesOf(before)), words(types)],
      ],
    ),
  );
  for (const warning of made.warnings) say(`note: ${warning}`);
  say(
    `${path}: ${ratio.toFixed(2)} times smaller, made in ${made.seconds.toFixed(1)} s with ${threads} threads`,
  );
}

function bits(header: GgufHeader): number {
  const weights = header.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return bitsPerWeight(weightBytes(header), weights);
}

/** How many tensors have which type, the most frequent first. */
function typesOf({ tensors }: GgufHeader): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { type } of tensors) counts.set(type, (counts.get(type) ?? 0) + 1);
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]));
}

function words(types: Readonly<Record<string, number>>): string {
  return Object.entries(types)
    .map(([type, count]) => `${count} ${type}`)
    .join(', ');
}
