/**
 * bench:served: real servers on this CPU beside their simulation. llama-server and vLLM (float32) of
 * SmolLM2-135M, one thread and eight slots each, are started three times, in turns; each start has the same
 * loads in an order of its own, with prompts that nothing has cached: 2, 4, 8 and 16 users, and Poisson
 * arrivals below and above the rate that the server holds.
 *
 * A prediction has the node's own roofs, the factors of its kernels (llama-server; vLLM's kernels have the
 * roofs alone), and what the host takes beside them, fitted to three other loads that are measured between
 * these. Claims, on the means over the requests of a load: TPOT within 10 %, TTFT within 15 % of the
 * geometric mean of the starts. Where the interval of the starts is wider than that, it is undecided.
 *
 *   RIDGEPOINT_SMOLLM2=FILE.gguf RIDGEPOINT_VLLM=…/bin/vllm npm run bench -- served [--state=FOLDER]
 *   [--starts=3] [--only=llama-server] [--quick] [--judge]
 *
 * `--quick` shows in a minute or two whether all of it runs: one start, two users and few requests.
 * The folder keeps roofs, factors and the runs of each start: what is there is not measured again, and
 * `--judge` measures nothing. A server that is not here is skipped.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hostOf } from '../../batching/own-server.js';
import { summaryOf } from '../../batching/run.js';
import { simulateBatching } from '../../batching/simulate.js';
import { formatValue } from '../../core/metrics/format.js';
import { latenciesOf } from '../../core/serving/latencies.js';
import { parseLengths } from '../../core/serving/lengths.js';
import type { Tokenizer } from '../../core/serving/tokenizer.js';
import { openTokenizer } from '../../engines/runners/tokenizer.js';
import { ServerPool } from '../../engines/servers/pool.js';
import { syntheticRequests } from '../../load/prompts/synthetic.js';
import { runLoad } from '../../load/run-load.js';
import type { HostTimes } from '../../roofline/step/setting.js';
import { tInterval } from '../../statistics/interval.js';
import { mean } from '../../statistics/summary.js';
import { modelPath } from '../models/loading.js';
import { endpointOf } from '../support/simulator.js';
import { conclude, type Figure } from './figure.js';
import { dequantized, smollm2Path } from './prune-speed/smollm2.js';
import { ALL_AT_ONCE, FITTED, judgedLoads, type NamedLoad, tokenLoad } from './served/loads.js';
import { llamaServer, ownNode, type ServerUnderTest, vllm } from './served/servers.js';

const { values: options } = parseArgs({
  options: {
    state: { type: 'string', default: join(tmpdir(), 'ridgepoint-bench-served') },
    starts: { type: 'string', default: '3' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    smollm2: { type: 'string' },
    judge: { type: 'boolean', default: false },
  },
});
const folder = options.state;
const say = (line: string): void => void process.stderr.write(`served: ${line}\n`);

/** Means over the requests of a load, in seconds. */
interface Means {
  readonly ttft: number;
  readonly tpot: number;
}

/** What was measured in one start of a server, by the names of loads. */
interface Start {
  readonly heldPerSecond: number;
  readonly loadAverage: number;
  readonly measured: Readonly<Record<string, Means>>;
}

/** Where runs of starts are kept. */
const runs = options.quick ? join(folder, 'quick') : folder;
mkdirSync(runs, { recursive: true });
const smollm2 = smollm2Path();
const model =
  smollm2 === null
    ? modelPath('small')
    : existsSync(join(folder, 'smollm2-f16.gguf'))
      ? join(folder, 'smollm2-f16.gguf')
      : dequantized(smollm2, folder);
const place = { folder, model };
const node = await ownNode(place);
const all = [llamaServer(place, node), vllm(place, process.env.RIDGEPOINT_VLLM ?? null, node)];
for (const [i, name] of ['llama-server', 'vllm'].entries())
  if (all[i] === null) say(`${name} is not here: skipped`);
const servers = all.filter(
  (one): one is ServerUnderTest => one !== null && (options.only ?? one.name) === one.name,
);
const tokenizer = (await openTokenizer(model))!;

/** What is judged. */
const loadsAt = (rate: number): NamedLoad[] => judgedLoads(rate).slice(0, options.quick ? 1 : undefined);

async function measure(url: string, { options: load }: NamedLoad, salt: string): Promise<Means> {
  const [promptTokens, outputTokens] = [load.inputTokens, load.outputTokens].map(parseLengths);
  if (typeof promptTokens !== 'object' || typeof outputTokens !== 'object') throw new Error('lengths');
  const { requests: count, loadSeed: seed } = load;
  const requests = syntheticRequests(
    { count, seed, salt, promptTokens, outputTokens, sharedPrefix: 0 },
    tokenizer as Tokenizer,
  );
  const { records } = await runLoad({
    endpoint: endpointOf(url, { model: 'small', body: { temperature: 0, ...exact }, timeoutSeconds: 600 }),
    requests,
    arrival: tokenLoad({ name: '', options: load }).arrival,
    seed,
    maxSeconds: null,
    maxRequests: null,
    tokenizer,
  });
  const bad = records.find(({ outcome }) => outcome !== 'complete');
  if (bad !== undefined) throw new Error(`a request failed: ${bad.problem}`);
  const latencies = records.map(latenciesOf);
  return {
    ttft: mean(latencies.map(({ service }) => service.ttft!)),
    tpot: mean(latencies.flatMap(({ tpot }) => tpot ?? [])),
  };
}
const exact = { ignore_eos: true };

function fitted({ predicted }: ServerUnderTest, starts: readonly Pick<Start, 'measured'>[]): HostTimes {
  const measured = FITTED.flatMap((load) =>
    starts.map(({ measured: means }) => ({
      load: tokenLoad(load),
      ttftSeconds: means[load.name]!.ttft,
      tpotSeconds: means[load.name]!.tpot,
    })),
  );
  return hostOf(predicted, measured);
}

function simulated({ predicted }: ServerUnderTest, host: HostTimes, load: NamedLoad) {
  return summaryOf(simulateBatching(tokenLoad(load), predicted.serverWith(host)));
}

/** The same loads in another order in each start; the rates are those of the first. */
async function started(server: ServerUnderTest, index: number, firstRate: number | null): Promise<Start> {
  const pool = new ServerPool();
  try {
    const { url, startSeconds, died } = await pool.take('cpu0', server.wanted, () => {});
    say(`${server.name}, start ${index}: ready after ${startSeconds.toFixed(0)} s`);
    const measured: Record<string, Means> = {};
    const run = async (load: NamedLoad, salt: string) => {
      measured[load.name] = await Promise.race([measure(url, load, salt), died]);
      const { ttft, tpot } = measured[load.name]!;
      say(`  ${load.name}: TTFT ${formatValue(ttft, 's')}, TPOT ${formatValue(tpot, 's')}`);
    };
    const salt = (name: string) => `${index} ${name} ${Date.now()}`;
    await measure(url, FITTED[0]!, salt('warm-up'));
    await measure(url, FITTED[2]!, salt('warm-up'));
    let rate = firstRate;
    if (rate === null) {
      for (const load of FITTED) await run(load, salt(load.name));
      rate = simulated(server, fitted(server, [{ measured }]), ALL_AT_ONCE).requestsPerSecond;
    }
    const judged = loadsAt(rate);
    const turned = [...judged.slice(2 * index), ...judged.slice(0, 2 * index)];
    for (const [i, load] of turned.entries()) {
      // What is fitted is measured between the rest, so that both see the same of what else runs here.
      if (i % 2 === 0) await run(FITTED[i / 2]!, salt(`${i}`));
      await run(load, salt(load.name));
    }
    return { heldPerSecond: rate, loadAverage: loadavg()[0]!, measured };
  } finally {
    await pool.close();
  }
}

const fileOf = ({ name }: ServerUnderTest, index: number) => join(runs, `${name}-${index}.json`);
const startOf = (server: ServerUnderTest, index: number): Start | null =>
  existsSync(fileOf(server, index)) ? JSON.parse(readFileSync(fileOf(server, index), 'utf8')) : null;
const indices = Array.from({ length: options.quick ? 1 : Number(options.starts) }, (_, i) => i);

if (!options.judge)
  for (const index of indices)
    for (const server of servers) {
      if (startOf(server, index) !== null) continue;
      const rate = startOf(server, 0)?.heldPerSecond ?? null;
      writeFileSync(fileOf(server, index), JSON.stringify(await started(server, index, rate), null, 1));
    }

interface Verdict {
  /** Predicted over measured, less 1. */
  readonly error: number;
  readonly says: 'holds' | 'misses' | 'undecided';
}

function verdictOf(predicted: number, measured: readonly number[], within: number): Verdict {
  const logs = measured.map(Math.log);
  const error = predicted / Math.exp(mean(logs)) - 1;
  const interval = tInterval(logs);
  const half = interval === null ? Number.POSITIVE_INFINITY : (interval[1] - interval[0]) / 2;
  if (half > Math.log1p(within)) return { error, says: 'undecided' };
  return { error, says: Math.abs(error) <= within ? 'holds' : 'misses' };
}

const WITHIN = { ttft: 0.15, tpot: 0.1 } as const;
const percent = (ratio: number) => `${ratio > 0 ? '+' : ''}${(100 * ratio).toFixed(1)} %`;

function figuresOf(server: ServerUnderTest): Figure[] {
  const starts = indices.flatMap((index) => startOf(server, index) ?? []);
  if (starts.length === 0) return [];
  const host = fitted(server, starts);
  const { kernelFactor, promptFactor, stepSeconds, tokenSeconds, requestSeconds, spread } = host;
  console.log(
    `\n${server.name}, ${starts.length} starts, load average ${starts.map(({ loadAverage }) => loadAverage.toFixed(1)).join(', ')}; ${server.predicted.says}; kernels × ${kernelFactor?.toFixed(2)}, of prompts × ${promptFactor?.toFixed(2)}, ${formatValue(stepSeconds, 's')} a step, ${formatValue(tokenSeconds, 's')} a new token, ${formatValue(requestSeconds, 's')} a request, left over ${percent(spread ?? 0)}`,
  );
  const verdicts = { ttft: [] as Verdict[], tpot: [] as Verdict[] };
  for (const load of loadsAt(starts[0]!.heldPerSecond)) {
    const summary = simulated(server, host, load);
    const words = (['ttft', 'tpot'] as const).map((name) => {
      const measured = starts.map((start) => start.measured[load.name]![name]);
      const verdict = verdictOf(summary[name].mean, measured, WITHIN[name]);
      verdicts[name].push(verdict);
      return `${name.toUpperCase()} predicted ${formatValue(summary[name].mean, 's')}, measured ${measured.map((seconds) => formatValue(seconds, 's')).join(', ')}: ${percent(verdict.error)}, ${verdict.says}`;
    });
    console.log(`  ${load.name}: ${words.join('; ')}`);
  }
  return (['tpot', 'ttft'] as const).map((name) => {
    const count = (says: Verdict['says']) => verdicts[name].filter((one) => one.says === says).length;
    const sizes = verdicts[name].map(({ error }) => Math.abs(error));
    return {
      claim: `${server.name}: ${name.toUpperCase()} of ${sizes.length} loads within ${100 * WITHIN[name]} %`,
      measured: `${count('holds')} hold, ${count('misses')} miss, ${count('undecided')} undecided; errors ${verdicts[name].map(({ error }) => percent(error)).join(', ')}`,
      required: 'none misses, and one holds at least',
      holds: count('misses') === 0 && count('holds') > 0,
    };
  });
}

conclude('served', servers.flatMap(figuresOf), runs);
process.exit();
