/**
 * bench:fidelity: are our prefill and decode speeds llama-bench's? The same GGUF, threads, flash attention,
 * 512 prompt and 128 generated tokens, the same library files, in interleaved pairs of fresh processes.
 * Passes when the ratio of medians (ours / llama-bench) lies within 0.98 to 1.02 for every row.
 *
 *   node --import tsx test/bench/fidelity.ts [--pairs=12] [--repeats=5] [--threads=2] [--only=small|1b]
 *   [--device=cuda]
 */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { modelPath } from '../models/loading.js';
import { LARGE_MODEL, largeModel } from '../support/large-model.js';
import { type Peer, peer as peerTool } from './peers/llama-cpp.js';

const TOLERANCE = 0.02;
const PROMPT = 512;
const GENERATE = 128;

const argument = (name: string): string | undefined =>
  process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3);
const threads = Number(argument('threads') ?? 2);
const pairs = Number(argument('pairs') ?? 12);
const repeats = Number(argument('repeats') ?? 5);
const device = argument('device') ?? 'cpu';
const say = (line: string): void => void process.stderr.write(`fidelity: ${line}\n`);

interface Sides {
  readonly ours: number[];
  readonly peer: number[];
}
const quantile = (values: readonly number[], q: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  return low + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] ?? low) - low);
};
const median = (values: readonly number[]): number => quantile(values, 0.5);

interface FidelityOrder {
  readonly deviceClass: string;
  readonly modelPath: string;
  readonly threads: number;
  readonly promptTokens: number;
  readonly generateTokens: number;
  readonly repeats: number;
}

interface FidelityAnswer {
  readonly cpuLibrary: string | null;
  /** Where our decode steps are driven from: `native` or `javascript`. */
  readonly stepLoop: string;
  /** Tokens per second, one value per repeat. */
  readonly prefill: readonly number[];
  readonly decode: readonly number[];
}

function runOurs(order: FidelityOrder): FidelityAnswer {
  const child = join(import.meta.dirname, 'fidelity-child.mjs');
  // The flag that a trial's process gets (process/isolation/launch.ts).
  const text = execFileSync(process.execPath, ['--single-threaded', child, JSON.stringify(order)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(text) as FidelityAnswer;
}

/**
 * Depth 512 before the decode: our decode follows the prefill, llama-bench's own starts with an empty cache.
 */
function runPeer(peer: Peer, model: string, repeats: number, test: readonly string[]): number[] {
  const common = [
    '-m',
    model,
    '-t',
    String(threads),
    '-fa',
    'on',
    '-lm',
    'mmap',
    '-r',
    String(repeats),
    '-o',
    'json',
    ...(device === 'cpu' ? [] : ['-ngl', '99']),
  ];
  const text = execFileSync(peer.program, [...common, ...test], {
    encoding: 'utf8',
    env: { ...process.env, LD_LIBRARY_PATH: peer.libraries },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [result] = JSON.parse(text) as { samples_ts: number[] }[];
  return result?.samples_ts ?? [];
}

async function compare(
  label: string,
  model: string,
  pairs: number,
  repeats: number,
  peer: Peer,
): Promise<number[]> {
  const prefill: Sides = { ours: [], peer: [] };
  const decode: Sides = { ours: [], peer: [] };
  const pairRatios = { prefill: [] as number[], decode: [] as number[] };
  let library = '';
  let loop = '';
  for (let pair = 0; pair < pairs; pair++) {
    const order: FidelityOrder = {
      deviceClass: device,
      modelPath: model,
      threads,
      promptTokens: PROMPT,
      generateTokens: GENERATE,
      repeats,
    };
    const ours = async (): Promise<FidelityAnswer> => {
      const answer = await runOurs(order);
      prefill.ours.push(...answer.prefill);
      decode.ours.push(...answer.decode);
      library = String(answer.cpuLibrary);
      loop = answer.stepLoop;
      return answer;
    };
    const theirs = async (): Promise<{ prefill: number[]; decode: number[] }> => {
      const asked = (...test: string[]) => runPeer(peer, model, repeats, test);
      const pp = await asked('-p', String(PROMPT), '-n', '0');
      const tg = await asked('-p', '0', '-n', String(GENERATE), '-d', String(PROMPT));
      prefill.peer.push(...pp);
      decode.peer.push(...tg);
      return { prefill: pp, decode: tg };
    };
    // Who goes first alternates, so that drift hits both.
    const first = pair % 2 === 0 ? await ours() : null;
    const other = await theirs();
    const mine = first ?? (await ours());
    pairRatios.prefill.push(median(mine.prefill) / median(other.prefill));
    pairRatios.decode.push(median(mine.decode) / median(other.decode));
    say(
      `${label} pair ${pair + 1}/${pairs}: prefill ${pairRatios.prefill.at(-1)?.toFixed(3)}, decode ${pairRatios.decode.at(-1)?.toFixed(3)}`,
    );
  }
  console.log(
    `\n${label}: ${threads} threads, flash attention, both on ${library}, our steps driven from ${loop} code, ${pairs} pairs of ${repeats} repeats`,
  );
  console.log(
    'phase         ours median  p25..p75 (tokens/s)    llama-bench  p25..p75               ratio   pairs',
  );
  return (['prefill', 'decode'] as const).map((phase) => {
    const sides = phase === 'prefill' ? prefill : decode;
    const column = (v: readonly number[]): string =>
      `${median(v).toFixed(1).padStart(11)}  ${quantile(v, 0.25).toFixed(1)}..${quantile(v, 0.75).toFixed(1)}`.padEnd(
        35,
      );
    const ratio = median(sides.ours) / median(sides.peer);
    const name = phase === 'prefill' ? `prefill ${PROMPT}` : `decode ${GENERATE}`;
    console.log(
      `${name.padEnd(13)}${column(sides.ours)}${column(sides.peer)}${ratio.toFixed(3)}   ${median(pairRatios[phase]).toFixed(3)}`,
    );
    return ratio;
  });
}

async function main(): Promise<void> {
  const peer = await peerTool('llama-bench', say);
  const only = argument('only');
  const ratios: number[] = [];
  if (only !== '1b') {
    ratios.push(...(await compare('small-f16', modelPath('small'), pairs, repeats, peer)));
  }
  if (only !== 'small') {
    const model = await largeModel(say);
    ratios.push(...(await compare(LARGE_MODEL, model, Math.ceil(pairs / 3), Math.ceil(repeats / 2), peer)));
  }
  const worst = Math.max(...ratios.map((ratio) => Math.abs(ratio - 1)));
  const passed = worst <= TOLERANCE;
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} CPUs, load average ${loadavg()[0]?.toFixed(2)}. Both sides run the libraries shipped with`,
  );
  console.log('node-llama-cpp (no OpenMP, GCC 11) with a thread pool attached; what remains is the caller.');
  console.log(
    `fidelity: ours / llama-bench = ${ratios.map((r) => r.toFixed(3)).join(', ')} (${passed ? 'within' : 'NOT within'} 0.98..1.02)`,
  );
  process.exitCode = passed ? 0 : 1;
}

await main();
