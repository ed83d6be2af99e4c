/**
 * bench:identical: does `ridge quantize` write the files of llama-quantize, and does `ridge quality` say what
 * llama-perplexity says? Every file type, with an importance matrix where one is needed, overrides, pure and
 * output types; both sides on the shipped libraries, built from the sources of the same release.
 *
 *   node --import tsx test/bench/identical.ts [--threads=2] [--only=REGEX] [--part=files|scores] [--types=f16,q8_0]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelPath } from '../models/loading.js';
import { ROOT } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';
import { compareFiles, type Input } from './identical/files.js';
import { type Ground, runPeer } from './identical/ground.js';
import { compareScores } from './identical/scores.js';
import { type Peer, peer } from './peers/llama-cpp.js';

const argument = (name: string): string | undefined =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const ground: Ground = {
  folder: mkdtempSync(join(tmpdir(), 'ridgepoint-identical-')),
  threads: Number(argument('threads') ?? 2),
  say: (line) => void process.stderr.write(`identical: ${line}\n`),
};
const only = argument('only');

/** Made by the peer's own tool of the text that ships. */
function matrixOf(model: string, maker: Peer, tokens: number): string {
  const name = `${model}.imatrix.gguf`;
  const text = join(ROOT, 'models/sample.txt');
  const options = ['-c', String(tokens), '--chunks', '8', '-o', name, '--output-format', 'gguf'];
  const made = runPeer(
    maker,
    ['-m', modelPath(model), '-f', text, ...options, '-t', String(ground.threads)],
    ground,
  );
  if (!made.ok) throw new Error(`llama-imatrix: ${made.why}`);
  return name;
}

async function files(): Promise<Figure[]> {
  const [quantizer, maker] = [
    await peer('llama-quantize', ground.say),
    await peer('llama-imatrix', ground.say),
  ];
  const inputs: Input[] = ['small', 'tiny'].map((model) => ({
    name: `${model} f16`,
    path: modelPath(model),
    matrix: matrixOf(model, maker, 256),
  }));
  const f32 = join(ground.folder, 'small-f32.gguf');
  const made = runPeer(quantizer, [modelPath('small'), f32, 'F32'], ground);
  if (!made.ok) throw new Error(`llama-quantize: ${made.why}`);
  inputs.push({ name: 'small f32', path: f32, matrix: inputs[0]!.matrix });
  return inputs.map((input) => {
    ground.say(input.name);
    return compareFiles(input, quantizer, ground, only === undefined ? null : new RegExp(only));
  });
}

const part = argument('part');
const figures: Figure[] = [];
try {
  if (part !== 'scores') figures.push(...(await files()));
  if (part !== 'files') {
    const perplexity = await peer('llama-perplexity', ground.say);
    figures.push(
      ...compareScores(
        modelPath('small'),
        (argument('types') ?? 'f16,q8_0,q4_k_m,q2_k').split(','),
        perplexity,
        ground,
      ),
    );
  }
} finally {
  rmSync(ground.folder, { recursive: true, force: true });
}
conclude('identical', figures);
