import { join } from 'node:path';
import type { Figure } from '../figure.js';
import type { Peer } from '../peers/llama-cpp.js';
import { type Ground, type Printed, runPeer, runRidge, textFile } from './ground.js';

const CONTEXT = '512';
/** llama-perplexity prints six decimals; a difference of less than half of the fourth. */
const TOLERANCE = 0.5e-4;

interface Scores {
  readonly perplexity: number;
  readonly basePerplexity: number;
  readonly kl: number;
  readonly sameTopPercent: number;
}

/** Perplexity and divergence from the base of each quantization, on the same windows of the same text. */
export function compareScores(
  base: string,
  quantizations: readonly string[],
  perplexity: Peer,
  ground: Ground,
): readonly Figure[] {
  const text = textFile();
  const logits = join(ground.folder, 'base.logits');
  // One window at a time, as ours: with larger batches the tool itself gives other figures for quantized models.
  const common = ['-f', text, '-c', CONTEXT, '-b', CONTEXT, '-t', String(ground.threads)];
  ground.say(`base logits of ${text}`);
  must(runPeer(perplexity, ['-m', base, ...common, '--save-all-logits', logits], ground));
  return quantizations.map((type) => {
    const model = join(ground.folder, `scores-${type}.gguf`);
    must(runRidge(['quantize', base, model, '--type', type, '--force'], ground));
    const options = ['--context', CONTEXT, '--threads', String(ground.threads), '--json'];
    ground.say(`scores of ${type}`);
    const said = must(runRidge(['quality', model, '--base', base, '--text', text, ...options], ground));
    const ours = oursOf(JSON.parse(said));
    const theirs = theirsOf(
      complete(() => runPeer(perplexity, ['-m', model, ...common, ...divergence(logits)], ground), ground),
    );
    const gaps = (Object.keys(ours) as (keyof Scores)[]).map((key) => Math.abs(ours[key] - theirs[key]));
    const show = ({ perplexity, kl, sameTopPercent }: Scores) =>
      `perplexity ${perplexity.toFixed(4)}, KL ${kl.toFixed(6)}, same top ${sameTopPercent.toFixed(3)} %`;
    return {
      claim: `scores of ${type} are llama-perplexity's`,
      measured: `${show(ours)} against ${show(theirs)}`,
      required: `every one within ${TOLERANCE} (same top: 0.0005 %)`,
      holds: gaps.every((gap, i) => gap <= (i === 3 ? 0.0005 : TOLERANCE)),
    };
  });
}

/** In the order of Scores. */
function oursOf(outcome: {
  text: {
    perplexity: { value: number };
    divergence: { base: { value: number }; kl: { value: number }; sameTop: { value: number } };
  };
}): Scores {
  const { perplexity, divergence } = outcome.text;
  return {
    perplexity: perplexity.value,
    basePerplexity: divergence.base.value,
    kl: divergence.kl.value,
    sameTopPercent: 100 * divergence.sameTop.value,
  };
}

function theirsOf(text: string): Scores {
  const number = (label: RegExp) => Number(new RegExp(`${label.source}\\s*:\\s*(-?[\\d.]+)`).exec(text)?.[1]);
  return {
    perplexity: number(/Mean PPL\(Q\)/),
    basePerplexity: number(/Mean PPL\(base\)/),
    kl: number(/Mean\s+KLD/),
    sameTopPercent: number(/Same top p/),
  };
}

const divergence = (logits: string) => ['--kl-divergence', '--kl-divergence-base', logits];

/** The tool prints from a thread of its own and has been seen to end before that thread had said all. */
function complete(measure: () => Printed, { say }: Ground): string {
  for (let attempt = 1; attempt <= 3; attempt++) {
    const text = must(measure());
    if (/Same top p\s*:/.test(text)) return text;
    say('llama-perplexity ended without its last lines; once more');
  }
  throw new Error('llama-perplexity ended without its last lines, three times');
}

function must(printed: Printed): string {
  if (printed.ok) return printed.text;
  throw new Error(printed.why);
}
