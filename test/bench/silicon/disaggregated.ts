import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CacheLink, disaggregated } from '../../../batching/disaggregated.js';
import type { PredictedServer } from '../../../batching/predicted-server.js';
import { summaryOf } from '../../../batching/run.js';
import { SIMULATION_BOUNDS, simulateBatching } from '../../../batching/simulate.js';
import { groupBy } from '../../../core/maps.js';
import type { Figure } from '../figure.js';
import { type Errors, errorsOf, percent } from './judged.js';
import { SILICON_MODELS, type SiliconModel } from './models.js';
import { APART } from './order.js';
import { type CsvRow, formatsOf, isBlackwell, merged, readCsv, type ServedOn, SYSTEMS } from './points.js';
import type { Servers } from './predictions.js';
import { REQUESTS_OF_A_CLIENT } from './recipes.js';
import { loadOfLoop } from './spent.js';

/** One run of servers of which some compute prompts and others decode, under a closed loop of clients. */
interface ApartPoint {
  readonly row: CsvRow;
  readonly model: SiliconModel;
  readonly promptTokens: number;
  readonly answerTokens: number;
  readonly concurrency: number;
  readonly ttftSeconds: number;
  readonly tpotSeconds: number;
}

interface Simulated {
  readonly of: ApartPoint;
  readonly ttftSeconds: number;
  readonly tpotSeconds: number;
}

/** Of one device to those of other servers (a network adapter of 400 Gb/s for each); no row says it. */
const LINK_BYTES_PER_SECOND = 50e9;
const LATENCY_SECONDS = 20e-6;
/** Lengths are drawn evenly from this share of the stated one up to it. */
const SHORTEST = 0.8;
/** A loop of more is cut: its opening burst weighs more then, and the figures say how many were. */
const MOST_REQUESTS = 20_000;

/**
 * Prefill and decode apart, simulated beside measured: InferenceX's runs, whose load is stated. How their
 * servers were started is not; flags are the engines' defaults, and what the host takes counts as nothing.
 */
export function judgeDisaggregated(folder: string, servers: Servers): Figure[] {
  const points = readApart(folder);
  const reasons = new Map<string, number>();
  const simulated = points.flatMap((point): Simulated[] => {
    const found = simulate(point, servers);
    if (typeof found !== 'string') return [found];
    reasons.set(found, (reasons.get(found) ?? 0) + 1);
    return [];
  });
  for (const [reason, count] of reasons) console.log(`not answered: ${count} × ${reason}`);
  const cut = points.filter(({ concurrency }) => REQUESTS_OF_A_CLIENT * concurrency > MOST_REQUESTS).length;
  console.log(`${points.length} disaggregated points; loads of ${cut} are cut to ${MOST_REQUESTS} requests`);
  printErrors(simulated);
  console.log(`answered: ${simulated.length}; ${text(simulated, ttftMiss)}; ${text(simulated, tpotMiss)}`);
  const { pairs, right } = orderOf(simulated);
  return [
    {
      claim:
        "right order of an engine's disaggregated servers under the same load that differ by more than 10 %",
      measured: `${percent(right / pairs)} of ${pairs} pairs, by seconds of a request`,
      required: 'at least 90 %',
      holds: right / pairs >= 0.9,
    },
  ];
}

function readApart(folder: string): ApartPoint[] {
  const rows = readCsv(readFileSync(join(folder, SYSTEMS, 'silicon_sample.csv'), 'utf8')).filter(
    ({ mode, prefill_num_workers: workers }) => mode === 'disagg' && workers !== '',
  );
  return merged(rows).flatMap(([row]): ApartPoint[] => {
    const clients = /silicon_concurrency=(\d+)/.exec(row!.silicon_data_source!)?.[1];
    const model = SILICON_MODELS.find(({ paths }) => paths.includes(row!.model_path!));
    if (clients === undefined || model === undefined) return [];
    return [
      {
        row: row!,
        model,
        promptTokens: Number(row!.isl),
        answerTokens: Number(row!.osl),
        concurrency: Number(clients),
        ttftSeconds: Number(row!.silicon_ttft_ms) / 1000,
        tpotSeconds: Number(row!.silicon_tpot_ms) / 1000,
      },
    ];
  });
}

/** Of one server: its devices are those that experts lie on, in as many groups as have an attention. */
function servedOn(row: CsvRow, phase: 'prefill' | 'decode'): ServedOn {
  const read = (name: string) => Math.max(1, Number(row[`${phase}_${name}_size`] || 1));
  const [tensor, expert] = [read('tp'), read('moe_ep')];
  const devices = read('moe_tp') * expert;
  const data = read('attention_dp') > 1 ? read('attention_dp') : devices / Math.min(tensor, devices);
  return { devices, tensor: devices / data, data, expert, expertTensor: devices / expert };
}

function serverOf(
  point: ApartPoint,
  phase: 'prefill' | 'decode',
  servers: Servers,
): PredictedServer | string {
  const { row, model } = point;
  const formats = formatsOf(row, model);
  if (formats === undefined) return `no checkpoint of ${model.name} in ${row.precision} is known`;
  const engine = row.backend!;
  const compressed = engine === 'trtllm' || isBlackwell(row.system!);
  return servers.serverOf({
    model,
    formats,
    device: row.system!,
    engine,
    served: servedOn(row, phase),
    cache: compressed ? 'fp8' : 'bf16',
    memoryShare: null,
    flags: {},
  });
}

/** @returns a reason where nothing can be simulated. */
function simulate(point: ApartPoint, servers: Servers): Simulated | string {
  const [prefill, decode] = (['prefill', 'decode'] as const).map((phase) => serverOf(point, phase, servers));
  if (typeof prefill === 'string') return prefill;
  if (typeof decode === 'string') return decode;
  const { row, promptTokens, answerTokens, concurrency: clients } = point;
  const times = (server: PredictedServer['server'], workers: string) => ({
    ...server,
    replicas: server.replicas * Number(workers),
  });
  const link: CacheLink = {
    bytesPerSecond: (prefill!.devices / prefill!.server.replicas) * LINK_BYTES_PER_SECOND,
    latencySeconds: LATENCY_SECONDS,
    bytesPerToken: prefill!.residency.bytesOf(promptTokens) / promptTokens,
  };
  const server = disaggregated(
    times(prefill!.server, row.prefill_num_workers!),
    times(decode!.server, row.decode_num_workers!),
    link,
  );
  const requests = Math.min(MOST_REQUESTS, REQUESTS_OF_A_CLIENT * clients);
  const load = loadOfLoop({ clients, requests, promptTokens, answerTokens, shortest: SHORTEST });
  const run = simulateBatching(load, server, SIMULATION_BOUNDS);
  if (run.endedEarly !== null) return run.endedEarly;
  if (run.refusals.size > 0) return `${point.model.name}: ${[...run.refusals.values()][0]}`;
  const { ttft, tpot } = summaryOf(run);
  return { of: point, ttftSeconds: ttft.mean, tpotSeconds: tpot.mean };
}

const ttftMiss = ({ of, ttftSeconds }: Simulated) => Math.log(ttftSeconds / of.ttftSeconds);
const tpotMiss = ({ of, tpotSeconds }: Simulated) => Math.log(tpotSeconds / of.tpotSeconds);

function text(all: readonly Simulated[], missOf: (one: Simulated) => number): string {
  const { median, bias, p90 }: Errors = errorsOf(all.map(missOf));
  return `${missOf === ttftMiss ? 'TTFT' : 'TPOT'} ${percent(median)}, bias ${percent(bias)}, p90 ${percent(p90)}`;
}

function printErrors(all: readonly Simulated[]): void {
  const cells = groupBy(all, ({ of: { row, model } }) =>
    [model.name, row.system, row.backend, row.precision].join(' '),
  );
  for (const [cell, own] of [...cells].sort(([a], [b]) => (a < b ? -1 : 1)))
    console.log(
      `  ${cell.padEnd(40)} ${String(own.length).padStart(4)}  ${text(own, ttftMiss)}; ${text(own, tpotMiss)}`,
    );
}

function orderOf(all: readonly Simulated[]): { readonly pairs: number; readonly right: number } {
  const loads = groupBy(all, ({ of: { row, model, promptTokens, answerTokens, concurrency } }) =>
    [model.name, row.backend, promptTokens, answerTokens, concurrency].join(' '),
  );
  let [pairs, right] = [0, 0];
  for (const group of loads.values())
    for (const [i, one] of group.entries())
      for (const other of group.slice(i + 1)) {
        const measured = Math.log(secondsOf(one.of, one.of) / secondsOf(other.of, other.of));
        if (Math.abs(measured) <= APART) continue;
        pairs += 1;
        if (measured * Math.log(secondsOf(one, one.of) / secondsOf(other, other.of)) > 0) right += 1;
      }
  return { pairs, right };
}

/** From the time a request is sent to its last token. */
const secondsOf = (
  { ttftSeconds, tpotSeconds }: Pick<ApartPoint, 'ttftSeconds' | 'tpotSeconds'>,
  { answerTokens }: ApartPoint,
) => ttftSeconds + (answerTokens - 1) * tpotSeconds;
