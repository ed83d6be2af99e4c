import type { TokenLoad } from '../../../batching/load.js';
import { type PredictedServer, predictedServer } from '../../../batching/predicted-server.js';
import { aloneRequest } from '../../../batching/request.js';
import { simulateBatching } from '../../../batching/simulate.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { calibrateHost } from '../../../roofline/step/calibrate.js';
import { isKnown } from '../../../roofline/step/calls-time.js';
import { readEngine } from '../../../roofline/step/engines.js';
import { type HostTimes, NO_HOST, withHost } from '../../../roofline/step/setting.js';
import { quantile } from '../../../statistics/quantile.js';
import { mean } from '../../../statistics/summary.js';
import type { Figure } from '../figure.js';
import type { Clone } from './clone.js';
import { percent } from './judged.js';
import { type Spent, StepClock } from './spent.js';

const EXAMPLES = 'bench/examples';
/** Their names of models and devices as ours. */
const MODELS: Readonly<Record<string, string>> = {
  'meta-llama/Llama-3.1-8B': 'llama-3.1-8b',
  'Qwen/Qwen3-32B': 'qwen3-32b',
  'Qwen/Qwen3-30B-A3B-Instruct-2507': 'qwen3-30b-a3b',
};
const DEVICES: Readonly<Record<string, string>> = { RTX4090: 'rtx-4090', RTXPRO6000: 'rtx-pro-6000' };

/** Seconds of a request by the engine's own clock, from when it comes. */
interface TimedRequest {
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly arrived: number;
  /** It takes part in a step for the first time. */
  readonly scheduled: number;
  readonly firstToken: number;
  readonly lastToken: number;
}

/** A real vLLM under a trace. */
interface Run {
  readonly name: string;
  readonly device: string;
  readonly meta: {
    readonly model: string;
    readonly vllm_version: string;
    readonly engine_kwargs: Readonly<Record<string, number | boolean>>;
    readonly kv_cache?: { readonly num_kv_tokens: number };
  };
  readonly requests: readonly TimedRequest[];
}

function runsIn(clone: Clone): Run[] {
  return clone
    .filesIn(EXAMPLES)
    .filter((device) => device in DEVICES)
    .flatMap((device) =>
      clone.filesIn(`${EXAMPLES}/${device}`).flatMap((model): Run[] => {
        if (model === 'configs') return [];
        const folder = `${EXAMPLES}/${device}/${model}/vllm`;
        const lines = clone.read(`${folder}/requests.jsonl`).trim().split('\n');
        const requests = lines.map((line) => JSON.parse(line) as Readonly<Record<string, number>>);
        // It looks at what has come between steps, and stamps it then. The server's front end stamps before,
        // by another clock: whoever waits least tells how far they lie apart.
        const apart = Math.min(...requests.map(({ queued_ts, arrival_time }) => queued_ts! - arrival_time!));
        const start = Math.min(...requests.map(({ arrival_time }) => arrival_time!)) + apart;
        return [
          {
            name: `${model} on ${device}`,
            device: DEVICES[device]!,
            meta: JSON.parse(clone.read(`${folder}/meta.json`)),
            requests: requests.map((one) => ({
              promptTokens: one.input_toks!,
              outputTokens: one.output_toks!,
              arrived: one.arrival_time! + apart - start,
              scheduled: one.scheduled_ts! - start,
              firstToken: one.first_token_ts! - start,
              lastToken: one.last_token_ts! - start,
            })),
          },
        ];
      }),
    );
}

/** @param host null = as the package has it. */
function serverOf({ device, meta }: Run, host: HostTimes | null): PredictedServer | readonly string[] {
  const reading = namedArchitecture(MODELS[meta.model] ?? meta.model);
  if (!reading.ok) return [reading.reason];
  const hardware = requireHardware(device);
  const told = meta.engine_kwargs;
  const [tensor, data] = [Number(told.tensor_parallel_size), Number(told.data_parallel_size)];
  const expert = told.enable_expert_parallel === true ? tensor * data : 1;
  const found = predictedServer({
    architecture: reading.architecture,
    formats: { matrices: 'bf16', cache: 'bf16' },
    device: hardware,
    memoryBytes: hardware.memoryBytes!.value,
    engine: readEngine('vllm')!.engine,
    release: meta.vllm_version,
    parallelism: { tensor, pipeline: 1, expert, data },
    replicas: 1,
    flags: { maxNumSeqs: told.max_num_seqs, maxNumBatchedTokens: told.max_num_batched_tokens },
    memoryShare: null,
    host,
    own: null,
  });
  const cacheTokens = meta.kv_cache?.num_kv_tokens;
  if (!isKnown(found) || cacheTokens === undefined) return found;
  return { ...found, server: { ...found.server, cacheTokens } };
}

const traceOf = ({ requests }: Run): TokenLoad => ({
  requests: requests.map(({ promptTokens, outputTokens, arrived }) => ({
    ...aloneRequest(promptTokens, outputTokens),
    atSeconds: arrived,
  })),
  arrival: { kind: 'trace' },
  seed: 1,
  maxSeconds: null,
  maxRequests: null,
  maxConcurrency: null,
  says: `${requests.length} requests at their times`,
});

/** Means of all requests, and the 99th percentile of whole ones, each as predicted / measured - 1. */
interface RunErrors {
  readonly ttft: number;
  /** Of TTFT, what the request waits for its first step, and what passes from there on. */
  readonly waiting: number;
  readonly prompt: number;
  readonly tpot: number;
  readonly p99: number;
}

function errorsIn(run: Run, host: HostTimes | null): RunErrors | readonly string[] {
  const found = serverOf(run, host);
  if (!isKnown(found)) return found;
  // Their clock starts in the engine: what the host takes of a request before is not in it.
  const { requests } = simulateBatching(traceOf(run), { ...found.server, requestSeconds: 0 });
  const predicted = run.requests.map(
    ({ promptTokens, outputTokens }, i): TimedRequest => ({
      promptTokens,
      outputTokens,
      arrived: requests.sent.at(i),
      scheduled: requests.scheduled.at(i),
      firstToken: requests.firstToken.at(i),
      lastToken: requests.done.at(i),
    }),
  );
  const ratio = (figure: (all: readonly TimedRequest[]) => number) =>
    figure(predicted) / figure(run.requests) - 1;
  return {
    ttft: ratio((all) => mean(all.map(({ arrived, firstToken }) => firstToken - arrived))),
    waiting: ratio((all) => mean(all.map(({ arrived, scheduled }) => scheduled - arrived))),
    prompt: ratio((all) => mean(all.map(({ scheduled, firstToken }) => firstToken - scheduled))),
    tpot: ratio((all) =>
      mean(
        all.map(({ firstToken, lastToken, outputTokens }) => (lastToken - firstToken) / (outputTokens - 1)),
      ),
    ),
    p99: ratio((all) =>
      quantile(
        all.map(({ arrived, lastToken }) => lastToken - arrived),
        0.99,
      ),
    ),
  };
}

const OWN_REQUESTS = 3;

/**
 * Calibrates by TTFT and TPOT of the first three requests: which steps they wait for is taken from a run
 * under the package's times.
 * @returns null where several groups of devices have steps of their own.
 */
function calibrated(run: Run): HostTimes | null {
  const [found, bare] = [serverOf(run, null), serverOf(run, NO_HOST)];
  if (!isKnown(found) || !isKnown(bare) || found.server.replicas > 1) return null;
  const clock = new StepClock(bare.step, found.step);
  const server = { ...found.server, step: clock, requestSeconds: 0 };
  const { requests } = simulateBatching(traceOf(run), server, undefined, { stepByStep: true });
  const under = (host: HostTimes, { deviceSeconds, steps, newTokens }: Spent) =>
    withHost(deviceSeconds, steps, newTokens, host);
  const points = run.requests.slice(0, OWN_REQUESTS).flatMap((own, i) => {
    const [sent, first, done] = [requests.sent.at(i), requests.firstToken.at(i), requests.done.at(i)];
    const [before, after] = [clock.between(sent, first), clock.between(first, done)];
    return [
      {
        measuredSeconds: own.firstToken - own.arrived,
        secondsUnder: (host: HostTimes) => under(host, before),
      },
      {
        measuredSeconds: own.lastToken - own.firstToken,
        secondsUnder: (host: HostTimes) => under(host, after),
      },
    ];
  });
  return calibrateHost(points, readEngine('vllm')!.engine.host);
}

/** Real vLLM under traces beside simulated, request by request (LLMServingSim's runs of vLLM 0.19). */
export function judgeRequests(clone: Clone): Figure[] {
  const figures: Figure[] = [];
  for (const run of runsIn(clone))
    for (const [how, host] of [
      ['as the package is', null],
      [`by ${OWN_REQUESTS} of its requests`, calibrated(run)],
    ] as const) {
      if (how !== 'as the package is' && host === null) {
        console.log(`${run.name}: its groups of devices have steps of their own, and are not calibrated`);
        continue;
      }
      const errors = errorsIn(run, host);
      if (!isKnown(errors)) {
        console.log(`${run.name} is left out: ${errors.join('; ')}`);
        continue;
      }
      const { ttft, waiting, prompt, tpot, p99 } = errors;
      figures.push({
        claim: `${run.requests.length} requests of vLLM ${run.meta.vllm_version}, ${run.name}, ${how}`,
        measured: `mean TTFT ${percent(ttft)} (until its first step ${percent(waiting)}, from there ${percent(prompt)}), mean TPOT ${percent(tpot)}, 99th percentile of a request ${percent(p99)}`,
        required: 'within 5, 3 and 10 %',
        holds: Math.abs(ttft) <= 0.05 && Math.abs(tpot) <= 0.03 && Math.abs(p99) <= 0.1,
      });
    }
  return figures;
}
