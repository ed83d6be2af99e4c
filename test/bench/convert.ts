/**
 * Folders of safetensors as GGUF files.
 *
 * 1. Tiny random checkpoints of every architecture, made by transformers, against llama.cpp's own converter:
 *   every tensor byte by byte, every key. Their logits in llama.cpp against those of transformers. Needs
 *   RIDGEPOINT_PYTHON (torch, transformers, sentencepiece, PyYAML) and RIDGEPOINT_LLAMA_CPP (a checkout with
 *   convert_hf_to_gguf.py). `--checkpoints=DIR` keeps and reuses them. The same checkpoints as folder → GGUF
 *   → folder, and a pruned model as a folder, opened by transformers.
 * 2. With RIDGEPOINT_MATERIAL, the shipped models' own folders against the shipped files.
 * 3. 300 damaged folders: each is converted or refused in one sentence. `--damaged=N` takes another number.
 * 4. A folder of `--gigabytes=4` in parts: the memory it takes.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { safetensorsToGguf } from '../../artifacts/conversions/safetensors-to-gguf/converter.js';
import { toFailure } from '../../core/errors.js';
import { FLOAT_BYTES, type FloatType } from '../../core/techniques/float-types.js';
import { damageFolder } from '../support/folder-damage.js';
import { tinyLlama, writeFolder } from '../support/model-folder.js';
import { ROOT } from '../support/ridge.js';
import { compareFiles } from './convert/compare.js';
import { logitError } from './convert/logits.js';
import { roundTrips } from './convert/round-trip.js';
import { conclude, type Figure } from './figure.js';

/**
 * What llama.cpp's converter guesses of a folder's name and its parameters; ours is called as the folder is.
 */
const GUESSED = /^general\.(?:name|basename|finetune|version|size_label|organization)$/;
/** docs/models.md says why. */
const NAMED = ['deepseek_v3 deepseek2.expert_gating_func', 'gemma2 gemma2.rope.freq_base'];
/** ggml looks up GELU in a table of half-precision numbers (GGML_GELU_FP16). */
const TABLED = /^gemma/;

const option = (name: string) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const figures: Figure[] = [];
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-convert-'));
try {
  const checkpoints = option('checkpoints') ?? join(folder, 'checkpoints');
  await againstReference(checkpoints);
  const python = process.env.RIDGEPOINT_PYTHON;
  if (python !== undefined) figures.push(...(await roundTrips(checkpoints, folder, python)));
  await shipped();
  await damaged(Number(option('damaged') ?? 300));
  await large(Number(option('gigabytes') ?? 4));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
conclude('convert', figures);

async function converted(inputPath: string, type: FloatType): Promise<string> {
  const outputPath = join(folder, `${basename(inputPath)}.${type}.gguf`);
  const { warnings } = await safetensorsToGguf.convert(
    { inputPath, outputPath, type, dequantize: isQuantized(inputPath) },
    () => {},
  );
  for (const warning of warnings) console.log(`  note of ${basename(inputPath)}: ${warning}`);
  return outputPath;
}

function isQuantized(at: string): boolean {
  return (
    existsSync(join(at, 'config.json')) &&
    readFileSync(join(at, 'config.json'), 'utf8').includes('"quant_method"')
  );
}

async function againstReference(at: string): Promise<void> {
  const [python, source] = [process.env.RIDGEPOINT_PYTHON, process.env.RIDGEPOINT_LLAMA_CPP];
  if (!existsSync(at) && python !== undefined && source !== undefined) {
    mkdirSync(at, { recursive: true });
    const script = join(import.meta.dirname, 'convert/reference.py');
    const made = spawnSync(python, [script, at, source, join(ROOT, 'models/sample.txt')], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const failed = made.stdout.split('\n').filter((line) => line.startsWith('failed'));
    for (const line of failed) console.log(line);
    if (made.status !== 0) console.log(made.stderr.slice(-2000));
  }
  const files = existsSync(at) ? readdirSync(at).sort() : [];
  let [tensors, differing] = [0, 0];
  const keys = new Set<string>();
  const architectures = new Set<string>();
  const types = new Set<string>();
  const worst = { plain: 0, tabled: 0, otherTop: 0, models: 0 };
  for (const file of files) {
    const [, name, type] = /^(\w+)\.(f32|bf16|f16)\.gguf$/.exec(file) ?? [];
    if (name === undefined || type === undefined) continue;
    architectures.add(name);
    types.add(type);
    const ours = await converted(join(at, name), type as FloatType);
    const found = await compareFiles(ours, join(at, file));
    const strange = found.keys.filter((line) => !GUESSED.test(line.split(':')[0]!));
    tensors += found.tensors;
    differing += found.differing.length;
    const saidOf = (line: string) => line.split(':')[0]!;
    for (const line of strange)
      if (!saidOf(line).startsWith('tokenizer.')) keys.add(`${name} ${saidOf(line)}`);
    console.log(`${name} ${type}: ${found.tensors} tensors, ${found.differing.length} of them differ`);
    for (const line of [...found.differing, ...strange]) console.log(`  ${line}`);
    if (type !== 'f32' || !existsSync(join(at, `${name}.logits`))) continue;
    try {
      const { relative, otherTop, places } = await logitError(ours, join(at, name));
      console.log(
        `  logits: ${relative.toExponential(1)} off, another top at ${otherTop} of ${places} places`,
      );
      worst.models += 1;
      worst.otherTop += otherTop;
      if (TABLED.test(name)) worst.tabled = Math.max(worst.tabled, relative);
      else worst.plain = Math.max(worst.plain, relative);
    } catch (error) {
      console.log(`  ${(error as Error).message}`);
      worst.plain = Number.NaN;
    }
  }
  const lacking = architectures.size === 0 ? ' (RIDGEPOINT_PYTHON, RIDGEPOINT_LLAMA_CPP)' : '';
  figures.push(
    {
      claim: `tensors of ${architectures.size} checkpoints as ${[...types].join(', ')} are those of llama.cpp’s converter${lacking}`,
      measured: `${differing} of ${tensors} differ`,
      required: 'none, of at least 12 architectures',
      holds: differing === 0 && architectures.size >= 12,
    },
    {
      claim:
        'keys of the model are those of llama.cpp’s converter, but for what it guesses of a folder’s name',
      measured: keys.size === 0 ? 'all' : `all but ${[...keys].join(', ')}`,
      required: 'those that docs/models.md names: the gate of deepseek_v3, the base of gemma2',
      holds: [...keys].every((key) => NAMED.includes(key)) && architectures.size >= 12,
    },
    {
      claim: `logits of ${worst.models} converted decoders in float32 are transformers’`,
      measured: `off by at most ${worst.plain.toExponential(1)} of their spread; with GELU from ggml’s table of halves ${worst.tabled.toExponential(1)}; another top token at ${worst.otherTop} places`,
      required: '1e-5, 1e-3 with the table, none',
      holds: worst.plain < 1e-5 && worst.tabled < 1e-3 && worst.otherTop === 0 && worst.models >= 12,
    },
  );
}

async function shipped(): Promise<void> {
  const models = join(process.env.RIDGEPOINT_MATERIAL ?? '', 'models');
  for (const name of ['small', 'tiny']) {
    const inputPath = join(models, `${name}-hf`);
    if (!existsSync(inputPath)) {
      console.log(`not compared: ${name} (RIDGEPOINT_MATERIAL)`);
      continue;
    }
    const { tensors, differing, keys } = await compareFiles(
      await converted(inputPath, 'f16'),
      join(ROOT, `models/${name}-f16.gguf`),
    );
    for (const line of [...differing, ...keys]) console.log(`  ${line}`);
    figures.push({
      claim: `the folder of ${name} becomes the shipped file`,
      measured: `${differing.length} of ${tensors} tensors differ, ${keys.length} keys (listed above)`,
      required: 'no tensor',
      holds: differing.length === 0,
    });
  }
}

async function damaged(count: number): Promise<void> {
  const whole = await writeFolder(tinyLlama(), { parts: 2, at: fresh('whole') });
  const codes = new Map<string, number>();
  const bad: string[] = [];
  for (let seed = 1; seed <= count; seed++) {
    const at = fresh('damaged');
    cpSync(whole, at, { recursive: true });
    const what = damageFolder(at, seed);
    const { code, message } = await converted(at, 'f16').then(
      () => ({ code: 'converted', message: '' }),
      (error: unknown) => toFailure(error),
    );
    codes.set(code, (codes.get(code) ?? 0) + 1);
    if (code === 'internal' || message.includes('\n')) bad.push(`${seed}, ${what}: ${code}: ${message}`);
    rmSync(at, { recursive: true });
  }
  for (const line of bad) console.log(`  ${line}`);
  figures.push({
    claim: `${count} damaged folders`,
    measured: `${[...codes].map(([code, times]) => `${times} ${code}`).join(', ')}; ${bad.length} without a sentence of their own`,
    required: 'each converted or refused in one sentence',
    holds: bad.length === 0,
  });
}

/** Random weights in four parts, of matrices that are as large as those of a model of so many bytes. */
async function large(gigabytes: number): Promise<void> {
  const [n, hidden, vocabulary] = [2048, 8192, 32_000];
  const perLayer = 2 * n * n + 2 * (n / 4) * n + 3 * n * hidden;
  const layers = Math.max(2, Math.round((gigabytes * 1e9) / FLOAT_BYTES.bf16 / perLayer));
  const model = tinyLlama({
    hidden_size: n,
    intermediate_size: hidden,
    num_attention_heads: 16,
    num_key_value_heads: 4,
    vocab_size: vocabulary,
    num_hidden_layers: layers,
  });
  const shapes: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [vocabulary, n],
    'model.norm.weight': [n],
  };
  for (let layer = 0; layer < layers; layer++) {
    const own = {
      'input_layernorm.weight': [n],
      'self_attn.q_proj.weight': [n, n],
      'self_attn.k_proj.weight': [n / 4, n],
      'self_attn.v_proj.weight': [n / 4, n],
      'self_attn.o_proj.weight': [n, n],
      'post_attention_layernorm.weight': [n],
      'mlp.gate_proj.weight': [hidden, n],
      'mlp.up_proj.weight': [hidden, n],
      'mlp.down_proj.weight': [n, hidden],
    };
    for (const [name, shape] of Object.entries(own)) shapes[`model.layers.${layer}.${name}`] = shape;
  }
  const at = await writeFolder({ ...model, tensors: shapes }, { type: 'bf16', parts: 4, at: fresh('large') });
  const bytes = Object.values(shapes).reduce((sum, [rows = 1, columns = 1]) => sum + 2 * rows * columns, 0);
  const child = join(import.meta.dirname, 'convert/memory-child.ts');
  const args = ['--import', 'tsx', child, at, join(folder, 'large.gguf')];
  const { peakBytes, seconds } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as {
    peakBytes: number;
    seconds: number;
  };
  figures.push({
    claim: `a folder of ${(bytes / 1e9).toFixed(1)} GB in 4 parts, bf16 to f16`,
    measured: `${(peakBytes / 2 ** 20).toFixed(0)} MiB of memory at most, Node.js included; ${seconds.toFixed(1)} s (${(bytes / 1e6 / seconds).toFixed(0)} MB/s)`,
    required: 'at most 400 MiB',
    holds: peakBytes < 400 * 2 ** 20,
  });
}

function fresh(name: string): string {
  const at = join(folder, name);
  mkdirSync(at, { recursive: true });
  return at;
}
