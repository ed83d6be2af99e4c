import type { quantize } from '../../artifacts/door/make.js';
import { bitsPerWeight } from '../../core/metrics/derive.js';
import { formatValue } from '../../core/metrics/format.js';
import { weightBytes } from '../../formats/gguf/facts.js';
import { type GgufHeader, readGgufHeader } from '../../formats/gguf/header.js';
import { plainTable, printTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';

/** What was made of a model. */
export interface Written {
  readonly path: string;
  readonly made: Awaited<ReturnType<typeof quantize>>;
  /** As a sweep spells it. */
  readonly setting: string;
  readonly threads: number;
}

/** All tensors of one type. */
interface TypeSum {
  readonly type: string;
  readonly tensors: number;
  readonly weights: number;
  readonly bytes: number;
  readonly bitsPerWeight: number;
}

/** Sums up what quantization did to a file: tables for people, or JSON. */
export function report(
  before: GgufHeader,
  { path, made, setting: spelling, threads }: Written,
  json: boolean,
): void {
  const after = readGgufHeader(path);
  const types = typesOf(after);
  const ratio = weightBytes(before) / weightBytes(after);
  const { fallbacks = null } = made.facts;
  if (json) {
    printJson({
      output: path,
      quantization: spelling,
      fileBytes: after.fileBytes,
      weightBytes: weightBytes(after),
      baseWeightBytes: weightBytes(before),
      bitsPerWeight: bits(after),
      compressionRatio: ratio,
      types,
      fallbacks,
      warnings: made.warnings,
      seconds: made.seconds,
      threads,
    });
    return;
  }
  printTable(
    ['type', 'tensors', 'weights', 'size', 'bits per weight', 'share'],
    types.map((sum) => [
      sum.type,
      sum.tensors,
      sum.weights.toLocaleString('en'),
      formatValue(sum.bytes, 'B'),
      sum.bitsPerWeight.toFixed(4),
      `${((100 * sum.bytes) / weightBytes(after)).toFixed(1)} %`,
    ]),
  );
  printData(
    `\n${plainTable(
      ['', 'before', 'after'],
      [
        ['file', formatValue(before.fileBytes, 'B'), formatValue(after.fileBytes, 'B')],
        ['weights', formatValue(weightBytes(before), 'B'), formatValue(weightBytes(after), 'B')],
        ['bits per weight', bits(before).toFixed(4), bits(after).toFixed(4)],
      ],
    )}`,
  );
  for (const warning of made.warnings) say(`note: ${warning}`);
  if (typeof fallbacks === 'string') say(`fell back: ${fallbacks}`);
  say(
    `${path}: ${ratio.toFixed(2)} times smaller, made in ${made.seconds.toFixed(1)} s with ${threads} threads`,
  );
}

/** Weights of all tensors, norms included: what the file takes, over what it holds. */
function bits(header: GgufHeader): number {
  const weights = header.tensors.reduce((sum, { shape }) => sum + weightsOf(shape), 0);
  return bitsPerWeight(weightBytes(header), weights);
}

/** The type with most bytes first. */
function typesOf({ tensors }: GgufHeader): readonly TypeSum[] {
  const sums = new Map<string, { tensors: number; weights: number; bytes: number }>();
  for (const { type, shape, bytes } of tensors) {
    const sum = sums.get(type) ?? { tensors: 0, weights: 0, bytes: 0 };
    sums.set(type, {
      tensors: sum.tensors + 1,
      weights: sum.weights + weightsOf(shape),
      bytes: sum.bytes + bytes,
    });
  }
  return [...sums]
    .map(([type, sum]) => ({ type, ...sum, bitsPerWeight: bitsPerWeight(sum.bytes, sum.weights) }))
    .sort((a, b) => b.bytes - a.bytes);
}

function weightsOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
