import { groupBy } from '../core/maps.js';
import { latenciesOf } from '../core/serving/latencies.js';
import { requestsOf } from '../core/serving/record.js';
import type { RequestRecord } from '../core/serving/requests.js';
import { steadyState } from '../core/serving/steady-state.js';
import { wholeRun } from '../core/serving/summary.js';
import { superPassRequests } from '../core/serving/super-passes.js';
import { NAME } from '../core/sweep/labels.js';
import { quantileOfSorted } from '../statistics/quantile.js';
import type { Report } from './report.js';
import { markOf, type Row } from './rows.js';

/**
 * Served rows as the run folders of MLPerf Endpoints (rules v1.0 §8; submission_checker of
 * endpoints-submission-cli 1.5.3.0): a curve for each server, a point for each concurrency. What its rules
 * ask of a submitter and no measurement tells (links, seed set, cohort, power) is left out, so that the
 * checker names it.
 */
export interface EndpointsExport {
  /** Contents by path: texts, or the values of `.yaml` and `.json`. */
  readonly files: ReadonlyMap<string, unknown>;
  readonly points: number;
  /** What is no point of a curve, a sentence each. */
  readonly notes: readonly string[];
}

const NOT_KNOWN = 'not known';
/** Axes that tell the points of one curve apart. */
const LOAD = new Set(['concurrency', 'requests', NAME]);

export function endpointsExport(report: Report): EndpointsExport {
  const files = new Map<string, unknown>();
  const notes: string[] = [];
  const served = report.rows.filter((row) => isPoint(row));
  const left = report.rows.length - served.length;
  if (left > 0) {
    const rows = left === 1 ? 'row is' : 'rows are';
    notes.push(
      `${left} ${rows} left out: points are valid rows of a server in a closed loop, one for each concurrency`,
    );
  }
  const marked = served.filter((row) => markOf(row) !== '').length;
  if (marked > 0)
    notes.push(`${marked} of ${served.length} points were disturbed: the machine was not theirs alone`);
  for (const [system, rows] of curvesOf(served)) writeCurve(files, system, rows);
  files.set('docs/README.md', DOCS);
  for (const kind of new Set(served.map(({ experiment }) => experiment.runner.kind)))
    files.set(`src/${slug(kind)}/README.md`, sourceText(report, kind));
  return { files, points: served.length, notes };
}

function isPoint({ state, experiment, starts }: Row): boolean {
  return (
    state === 'valid' &&
    experiment.workload.options.arrival === 'closed' &&
    starts[0]?.serving !== undefined &&
    starts[0].serving.requests.intended.length > 0
  );
}

/** Rows that differ in load alone, smallest concurrency first. */
function curvesOf(rows: readonly Row[]): Map<string, Row[]> {
  const alike = groupBy(rows, ({ axes, trial, experiment }) => {
    const others = Object.entries(axes).filter(([name]) => !LOAD.has(name));
    return JSON.stringify([others, trial.node.name, trial.device.id, experiment.model.name]);
  });
  const curves = new Map<string, Row[]>();
  for (const curve of alike.values()) {
    const { trial, experiment } = curve[0]!;
    const name = slug(`${trial.node.name}-${experiment.runner.kind}`);
    let free = name;
    for (let n = 2; curves.has(free); n++) free = `${name}-${n}`;
    const ordered = curve.sort((a, b) => concurrencyOf(a) - concurrencyOf(b));
    curves.set(free, ordered);
  }
  return curves;
}

const concurrencyOf = ({ experiment }: Row) => Number(experiment.workload.options.concurrency);

function writeCurve(files: Map<string, unknown>, system: string, rows: readonly Row[]): void {
  const most = concurrencyOf(rows.at(-1)!);
  const runs = rows.map((row) => ({ row, requests: requestsOf(row.starts[0]!.serving!.requests) }));
  const summaries = runs.map(({ requests }) => summaryOf(requests));
  const peak = Math.max(...summaries.map(tokensPerSecond));
  for (const [i, { row, requests }] of runs.entries()) {
    const folder = `results/${system}/${slug(row.experiment.model.name)}/r${concurrencyOf(row)}`;
    const summary = summaries[i]!;
    files.set(`${folder}/point.yaml`, pointOf(row, requests, most));
    files.set(`${folder}/config.yaml`, configOf(row));
    files.set(`${folder}/result_summary.json`, summary);
    files.set(
      `${folder}/system_desc.json`,
      systemOf(row, system, most, peak > 0 ? tokensPerSecond(summary) / peak : 0),
    );
  }
}

/** Names of folders and models as layout.canonical_model_name() makes them. */
function slug(name: string): string {
  const part = name.split('/').at(-1)!;
  return part
    .replace(/[^\w-]/g, '_')
    .replace(/_+/g, '_')
    .replace(/^_|_$/g, '')
    .slice(0, 64);
}

const PERCENTILES = [1, 5, 10, 25, 50, 75, 80, 90, 95, 97, 99, 99.9];

/**
 * The `Report` of mlcommons/endpoints as its checker reads it; times in nanoseconds. Over the whole run,
 * complete answers alone.
 */
function summaryOf(requests: readonly RequestRecord[]) {
  const complete = requests.filter(({ outcome }) => outcome === 'complete');
  const each = complete.map(latenciesOf);
  const window = wholeRun(requests)!;
  const nano = (values: readonly (number | null)[]) =>
    statistics(values.flatMap((value) => (value === null ? [] : 1e9 * value)));
  return {
    n_samples_issued: requests.length,
    n_samples_completed: complete.length,
    n_samples_failed: requests.length - complete.length,
    duration_ns: Math.round(1e9 * (window.toSeconds - window.fromSeconds)),
    ttft: nano(each.map(({ service }) => service.ttft)),
    tpot: nano(each.map(({ tpot }) => tpot)),
    latency: nano(each.map(({ service }) => service.e2e)),
    output_sequence_lengths: statistics(complete.flatMap(({ outputTokens }) => outputTokens ?? [])),
  };
}

function statistics(values: readonly number[]) {
  if (values.length === 0) return { total: 0, percentiles: {} };
  const sorted = Float64Array.from(values).sort();
  const total = values.reduce((sum, value) => sum + value, 0);
  return {
    total,
    min: sorted[0]!,
    max: sorted.at(-1)!,
    avg: total / values.length,
    percentiles: Object.fromEntries(PERCENTILES.map((p) => [String(p), quantileOfSorted(sorted, p / 100)])),
  };
}

function tokensPerSecond({ output_sequence_lengths, duration_ns }: ReturnType<typeof summaryOf>): number {
  return duration_ns > 0 ? output_sequence_lengths.total / (duration_ns / 1e9) : 0;
}

/** §8.3. */
function pointOf(row: Row, requests: readonly RequestRecord[], most: number) {
  const { experiment, trial } = row;
  const { options } = experiment.workload;
  const concurrency = concurrencyOf(row);
  const seed = Number(options.loadSeed ?? 0);
  const warmUp = trial.phases.filter(({ name }) => name === 'warm-up');
  const seconds = warmUp.reduce((sum, { startSeconds, endSeconds }) => sum + endSeconds - startSeconds, 0);
  const { warmups } = row.starts[0]!.repeats;
  return {
    concurrency,
    ...(concurrency === most && { offline: 'elected' }),
    dataset: 'random',
    division: 'RDI',
    max_supported_concurrency: most,
    model_name: slug(experiment.model.name),
    model_precision: experiment.technique.quantization,
    model_notes: `of ${experiment.model.source}, ${experiment.model.digest ?? 'digest not known'}`,
    dataset_name: options.promptDataset === null ? 'random tokens' : 'prompts of a file',
    dataset_type: 'Performance',
    shared_src: `src/${slug(experiment.runner.kind)}`,
    shared_docs: 'docs',
    runtime_settings: {
      load_pattern: 'concurrency',
      min_duration_ms: Math.round(1000 * Number(options.loadSeconds ?? 0)),
      min_sample_count: requests.length,
      stream_all_chunks: options.stream !== false,
      runtime: { scheduler_rng_seed: seed, sample_index_rng_seed: seed },
    },
    warmup: {
      duration_s: seconds,
      requests_issued: warmups,
      requests_completed: warmups,
      data_source: 'prompts of another seed than those that are measured',
      concurrency: warmups === 0 ? 0 : 1,
      logs_retained: false,
    },
    steady_state: steadyOf(requests, concurrency),
  };
}

/** §4.4, by core/serving/steady-state.ts. */
function steadyOf(requests: readonly RequestRecord[], concurrency: number) {
  const size = superPassRequests(requests.length, concurrency);
  const found = steadyState(requests, { superPassRequests: size });
  const { warmUp } = found;
  const plateau = found.found ? found.window : found.longest;
  if (plateau === null) return { status: 'insufficient_passes', verdict: 'not found', window: {} };
  return {
    status: found.found ? 'windowable' : 'insufficient_duration',
    verdict: found.shift !== null ? 'anomaly' : 'STEADY STATE',
    window: {
      super_pass_start: warmUp.superPasses + plateau.start,
      super_pass_end: warmUp.superPasses + plateau.end - 1,
      super_pass_size: size,
      n_samples: plateau.requests,
      duration_s: plateau.toSeconds - plateau.fromSeconds,
    },
    // A plateau is one by these gates; TTFT is watched, and moves with prompts and queue.
    state: { tpot_p50: 'Plateau', tpot_p90: 'Plateau' },
  };
}

/** What the load generator ran: ours, and by its own names. */
function configOf({ experiment, starts }: Row) {
  return {
    load_generator: 'ridgepoint',
    version: starts[0]!.environment.ridgepoint ?? NOT_KNOWN,
    experiment: experiment.id,
    trial: starts[0]!.trialId,
    runner: experiment.runner,
    workload: experiment.workload,
  };
}

/** §8.2. What the record does not tell says so. */
function systemOf({ trial, experiment }: Row, system: string, most: number, utilization: number) {
  const { node, device, environment } = trial;
  const { options } = experiment.runner;
  const degreeOf = (name: string) => (typeof options[name] === 'number' ? options[name] : 1);
  const cpu = device.class.startsWith('cpu');
  return {
    system_name: system,
    shortened_system_name: system.slice(0, 20),
    system_availability_status: 'RDI',
    division: 'RDI',
    max_supported_concurrency: most,
    system_size: '1 node',
    system_node_ensemble_count: 1,
    system_node_ensemble_total: 1,
    serving_framework: String(environment.engine ?? experiment.runner.kind),
    tensor_parallel: degreeOf('tensorParallel'),
    pipeline_parallel: degreeOf('pipelineParallel'),
    data_parallel: degreeOf('dataParallel'),
    tps_utilization: utilization,
    node_types: [
      {
        system_node_ensemble_id: 0,
        number_of_nodes: 1,
        host_processor_model_name: node.cpuModel,
        host_processor_core_count: node.cores,
        host_memory_capacity: `${Math.round(node.memoryBytes / 2 ** 30)} GiB`,
        host_memory_configuration: NOT_KNOWN,
        host_network_card_count: NOT_KNOWN,
        accelerator_info: cpu ? [] : [{ accelerator_model_name: device.name, accelerators_per_node: 1 }],
        inference_backend: String(environment.engine ?? experiment.runner.kind),
        driver: String(environment.driver ?? NOT_KNOWN),
        operating_system: String(environment.os ?? NOT_KNOWN),
        filesystem: NOT_KNOWN,
      },
    ],
  };
}

const DOCS = `# How these points were measured

By Ridgepoint's load generator in a closed loop: \`point.yaml\` says how much was asked, \`config.yaml\` all options. Times are of the first start of each row, from
dispatch (\`ttft\`, \`latency\`), over the whole run; complete answers alone. The steady-state block is by the method of docs/steady-state-detection.md of
mlcommons/endpoints.

What a submission needs and no measurement tells is left out: links to model and data set, seed set, cohort, accuracy, provisioned power.
`;

function sourceText({ sweepName }: Report, kind: string): string {
  return `# ${kind}

The server was started and asked by Ridgepoint (runner \`${kind}\`) in the sweep ${sweepName}. \`config.yaml\` of each point has its options: the same sweep file
measures it again with \`ridge run\`.
`;
}
