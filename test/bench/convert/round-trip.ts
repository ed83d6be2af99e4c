import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ggufToSafetensors } from '../../../artifacts/conversions/gguf-to-safetensors/converter.js';
import { ARCHITECTURES } from '../../../artifacts/conversions/safetensors-to-gguf/architectures/index.js';
import { safetensorsToGguf } from '../../../artifacts/conversions/safetensors-to-gguf/converter.js';
import { isFolderArchitecture } from '../../../core/models/conversions.js';
import { fieldsOf } from '../../../formats/config-json.js';
import { ridge } from '../../support/ridge.js';
import type { Figure } from '../figure.js';
import { logitError } from './logits.js';

const SCRIPT = join(import.meta.dirname, 'round-trip.py');
/** llama.cpp pools by itself. */
const LEFT_OUT: Readonly<Record<string, RegExp>> = { bert: /^pooler\./ };
/** 1 is added to Gemma's norms and taken off again, each time rounded to float32. */
const ROUNDED = /^gemma/;
const ROUNDING = 2 ** -23;

interface Compared {
  readonly tensors: number;
  readonly unpaired: readonly string[];
  readonly differing: Readonly<Record<string, number>>;
  /**
   * Norm of the difference of logits over that of logits; null = transformers lacks a library for its
   * weights.
   */
  readonly apart: number | null;
}

/**
 * Folder → GGUF → folder in float32, of each checkpoint of an architecture that is written back; and a pruned
 * model, which transformers must compute as llama.cpp does.
 * @param checkpoints folder of folders. @param folder where files go.
 */
export async function roundTrips(checkpoints: string, folder: string, python: string): Promise<Figure[]> {
  const run = (...words: string[]) =>
    execFileSync(python, [SCRIPT, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const back = async (inputPath: string, name: string) => {
    const outputPath = join(folder, `${name}-written`);
    const request = { inputPath, outputPath, type: null, dequantize: false };
    const { warnings } = await ggufToSafetensors.convert(request, () => {});
    for (const warning of warnings) console.log(`  note of ${name}: ${warning}`);
    return outputPath;
  };

  const names: string[] = [];
  let [tensors, equal, within] = [0, 0, 0];
  let furthest = { name: 'none', apart: 0 };
  const wrong: string[] = [];
  for (const name of existsSync(checkpoints) ? readdirSync(checkpoints).sort() : []) {
    const published = join(checkpoints, name);
    if (!isWrittenBack(published)) continue;
    const outputPath = join(folder, `${name}-back.gguf`);
    await safetensorsToGguf.convert(
      { inputPath: published, outputPath, type: 'f32', dequantize: false },
      () => {},
    );
    const answer = run('compare', published, await back(outputPath, name));
    const found = JSON.parse(answer.trim().split('\n').at(-1)!) as Compared;
    names.push(name);
    const unpaired = found.unpaired.filter((tensor) => LEFT_OUT[name]?.test(tensor) !== true);
    const whole = found.tensors - (found.unpaired.length - unpaired.length);
    tensors += whole;
    if ((found.apart ?? 0) > furthest.apart) furthest = { name, apart: found.apart ?? 0 };
    wrong.push(...unpaired.map((tensor) => `${name} ${tensor}`));
    for (const [tensor, away] of Object.entries(found.differing)) {
      if (ROUNDED.test(name) && tensor.endsWith('norm.weight') && away <= ROUNDING) within += 1;
      else wrong.push(`${name} ${tensor} ${away}`);
    }
    equal += whole - Object.keys(found.differing).length;
  }

  const pruned = join(folder, 'pruned.gguf');
  const made = await ridge(['prune', 'builtin:small', pruned, '--method', 'magnitude', '--ratio', '50%']);
  if (made.code !== 0) console.log(made.stderr);
  run('logits', await back(pruned, 'pruned'), join(folder, 'pruned'));
  const { relative, otherTop, places } = await logitError(pruned, join(folder, 'pruned'));
  return [
    {
      claim: `folder → GGUF → folder in float32, ${names.length} architectures (${names.join(', ')})`,
      measured: `${equal} of ${tensors} tensors bit by bit, ${within} norms of Gemma within 2^-23, ${wrong.length} otherwise${wrong.length > 0 ? ` (${wrong.slice(0, 3).join('; ')})` : ''}; logits of transformers ${furthest.apart.toExponential(1)} apart (${furthest.name})`,
      required: 'all bit by bit but those norms; logits at most 1e-6 apart',
      holds: names.length > 0 && wrong.length === 0 && furthest.apart <= 1e-6,
    },
    {
      claim:
        'a pruned model, written as a folder, is the same model to transformers as its GGUF file to llama.cpp',
      measured: `logits ${relative.toExponential(1)} apart, ${otherTop} of ${places} places with another first token`,
      required: 'at most 1e-4 apart, the same first tokens',
      holds: relative <= 1e-4 && otherTop === 0,
    },
  ];
}

function isWrittenBack(folder: string): boolean {
  const file = join(folder, 'config.json');
  if (!existsSync(file)) return false;
  const { model_type: type, quantization_config: packed } = JSON.parse(readFileSync(file, 'utf8')) as Record<
    string,
    unknown
  >;
  const isKept = packed === undefined || fieldsOf(packed).quant_method === 'mxfp4';
  return (
    isKept &&
    typeof type === 'string' &&
    isFolderArchitecture(type) &&
    ARCHITECTURES[type].values !== undefined
  );
}
