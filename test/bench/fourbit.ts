/**
 * Quantizes the shipped models to MXFP4, NVFP4 and IF4 by every method and rotation, and compares them, token
 * by token, with the f16 model: one table at four and a half bits. MXFP4 that is rounded to nearest has to be
 * llama.cpp's to the byte, and files have to be as large as codes and scales say, to the last scale. Texts
 * are those of RIDGEPOINT_MATERIAL (`calib.txt` calibrates, `test.txt` is judged); without it both are the
 * text that ships. Twenty minutes. `--quick` takes the smaller model alone.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FOUR_BIT_NAMES, fourBitBits } from '../../core/techniques/four-bit/formats.js';
import { ROTATIONS } from '../../core/techniques/four-bit/rotation.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { ROOT, ridge } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';

const MODELS = process.argv.includes('--quick') ? ['tiny'] : ['tiny', 'small'];
const METHODS = ['nearest', 'search', 'gptq'] as const;
const LINEAR = /^blk\.\d+\.(attn_(q|k|v|output)|ffn_(gate|up|down))\.weight$/;
const CALIBRATION = 'sequences=64&tokens=512';

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-fourbit-'));
const material = process.env.RIDGEPOINT_MATERIAL;
const textNamed = (name: string) =>
  material === undefined ? join(ROOT, 'models/sample.txt') : join(material, 'data', name);
const [calibrationText, judgedText] = [textNamed('calibration.txt'), textNamed('test.txt')];

interface Estimate {
  readonly value: number;
  readonly standardError: number;
}

interface Row {
  readonly model: string;
  readonly word: string;
  /** Of the linear layers, scales included. */
  readonly bits: number;
  /** PPL over that of the f16 model, with the standard error of the paired difference. */
  readonly ratio: Estimate;
  /** D(f16 ‖ model), nats per token. */
  readonly divergence: Estimate;
}

async function run(args: readonly string[]): Promise<string> {
  const done = await ridge(args, { cwd: ROOT });
  if (done.code !== 0) throw new Error(`ridge ${args.join(' ')} ended with ${done.code}: ${done.stderr}`);
  return done.stdout;
}

async function quantized(model: string, word: string): Promise<string> {
  const path = join(folder, `${model}-${word.replace(/\W+/g, '-')}.gguf`);
  await run(['quantize', `builtin:${model}`, path, '--type', word, '--force', '--json']);
  return path;
}

async function rowOf(model: string, word: string, bits: number, path: string): Promise<Row> {
  const args = ['quality', path, '--base', `builtin:${model}`, '--text', judgedText, '--json'];
  const said = JSON.parse(await run(args)) as {
    text: { divergence: { perplexityRatio: Estimate; kl: Estimate } };
  };
  const { perplexityRatio, kl } = said.text.divergence;
  const row = { model, word, bits, ratio: perplexityRatio, divergence: kl };
  console.log(lineOf(row));
  return row;
}

const lineOf = ({ model, word, bits, ratio, divergence }: Row) =>
  `${model.padEnd(6)} ${word.padEnd(52)} ${bits.toFixed(2)} bits  PPL × ${ratio.value.toFixed(4)} ± ${(1.96 * ratio.standardError).toFixed(4)}  divergence ${divergence.value.toFixed(5)} ± ${(1.96 * divergence.standardError).toFixed(5)}`;

const linear = (path: string) => readGgufHeader(path).tensors.filter(({ name }) => LINEAR.test(name));
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** @returns bits of a weight of the linear layers, as the file has them. */
function bitsIn(path: string): number {
  const layers = linear(path);
  return (8 * sum(layers.map(({ bytes }) => bytes))) / sum(layers.map(({ shape }) => shape[0]! * shape[1]!));
}

/** llama.cpp's own four bits, in the same layers: the output keeps more, as there. */
async function standards(model: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const type of ['q4_0', 'iq4_nl', 'q4_1']) {
    const path = await quantized(model, `${type}?pure=true&outputType=f16&embeddingType=f16`);
    rows.push(await rowOf(model, type, bitsIn(path), path));
  }
  return rows;
}

async function fourBits(model: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const type of FOUR_BIT_NAMES)
    for (const rotation of ROTATIONS)
      for (const method of METHODS) {
        const calibration = method === 'gptq' ? `&${CALIBRATION}&text=${calibrationText}` : '';
        const word = `${type}?rotation=${rotation}&method=${method}`;
        const path = await quantized(model, `${word}${calibration}`);
        rows.push(await rowOf(model, word, fourBitBits(type), path));
        rmSync(path);
      }
  return rows;
}

/** MXFP4 beside llama.cpp's, and its size. */
async function checkBytes(model: string): Promise<Figure[]> {
  const [own, theirs] = [
    await quantized(model, 'mxfp4'),
    await quantized(model, `q8_0?tensorTypes=(attn_(q|k|v|output)|ffn_(gate|up|down)).weight:mxfp4`),
  ];
  const pairs = linear(own).map((tensor) => ({
    tensor,
    other: linear(theirs).find(({ name }) => name === tensor.name)!,
  }));
  const bytes = (path: string, { offset, bytes: length }: { offset: number; bytes: number }) =>
    readFileSync(path).subarray(offset, offset + length);
  const equal = pairs.filter(({ tensor, other }) => bytes(own, tensor).equals(bytes(theirs, other))).length;
  return [
    {
      claim: `${model}: tensors of MXFP4 with the bytes of llama.cpp`,
      measured: `${equal} of ${pairs.length}`,
      required: 'all',
      holds: equal === pairs.length && equal > 0,
    },
    {
      claim: `${model}: bits of a weight in MXFP4, by the bytes of the file`,
      measured: String(bitsIn(own)),
      required: String(fourBitBits('mxfp4')),
      holds: bitsIn(own) === fourBitBits('mxfp4'),
    },
  ];
}

/** Whether one row loses less than another, by more than both their errors. */
function compared(claim: string, better: Row, worse: Row): Figure {
  const [a, b] = [Math.log(better.ratio.value), Math.log(worse.ratio.value)];
  const error = Math.hypot(
    better.ratio.standardError / better.ratio.value,
    worse.ratio.standardError / worse.ratio.value,
  );
  return {
    claim,
    measured: `${better.word} × ${better.ratio.value.toFixed(4)}, ${worse.word} × ${worse.ratio.value.toFixed(4)}: difference of logarithms ${(b - a).toFixed(4)} ± ${(1.96 * error).toFixed(4)}`,
    required: 'above 0 by its interval',
    holds: b - a > 1.96 * error,
  };
}

/** What the papers say, on this model. */
function published(model: string, rows: readonly Row[]): Figure[] {
  const row = (type: string, rotation: string, method: string) =>
    rows.find(({ word }) => word === `${type}?rotation=${rotation}&method=${method}`)!;
  return [
    compared(
      `${model}: NVFP4 loses less than MXFP4`,
      row('nvfp4', 'none', 'nearest'),
      row('mxfp4', 'none', 'nearest'),
    ),
    compared(
      `${model}: IF4 loses less than NVFP4 (2603.28765)`,
      row('if4', 'none', 'nearest'),
      row('nvfp4', 'none', 'nearest'),
    ),
    compared(
      `${model}: scales that are searched for lose less (NVFP4; 2512.02010)`,
      row('nvfp4', 'none', 'search'),
      row('nvfp4', 'none', 'nearest'),
    ),
    compared(
      `${model}: blocks rotated and GPTQ lose less than rounding (MXFP4; 2509.23202)`,
      row('mxfp4', 'block32', 'gptq'),
      row('mxfp4', 'none', 'nearest'),
    ),
    compared(
      `${model}: a whole rotation breaks MXFP4 (2511.04214)`,
      row('mxfp4', 'none', 'nearest'),
      row('mxfp4', 'whole', 'nearest'),
    ),
  ];
}

const figures: Figure[] = [];
try {
  for (const model of MODELS) {
    figures.push(...(await checkBytes(model)));
    await standards(model);
    figures.push(...published(model, await fourBits(model)));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
conclude('fourbit', figures);
