import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckpointFormats, SILICON_MODELS, type SiliconModel } from './models.js';

/** Devices and how they share a model, as the server was started. */
export interface ServedOn {
  readonly devices: number;
  /** That cut each matrix of the attention, and groups that have an attention of their own. */
  readonly tensor: number;
  readonly data: number;
  /** Devices that experts are spread over, and that cut each expert. */
  readonly expert: number;
  readonly expertTensor: number;
}

/** One run of a server under a closed loop of clients, aggregated. */
export interface SiliconPoint {
  readonly id: string;
  /** InferenceX draws lengths, its makers' own runs differ by file. */
  readonly origin: 'InferenceX' | 'makers';
  /** What points of one file have in common: InferenceX, or a file of the makers. */
  readonly file: string;
  readonly engine: string;
  readonly release: string;
  /** The day of the run, as far as the row says it: `2026-03-25`. */
  readonly day: string | null;
  readonly model: SiliconModel;
  /** As the points name it: the predictor of their makers looks it up. */
  readonly path: string;
  /** As folders of tables name it: `h100_sxm`. */
  readonly device: string;
  readonly precision: string;
  /** As the row states them, for the makers' predictor. */
  readonly label: { readonly gemm: string; readonly experts: string };
  readonly formats: CheckpointFormats;
  readonly served: ServedOn;
  /** Of a request, at most. */
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Requests that clients keep under way at this server. */
  readonly concurrency: number;
  readonly ttftSeconds: number;
  readonly tpotSeconds: number;
}

/** A row that is not judged, and why. */
export interface LeftOut {
  readonly id: string;
  readonly reason: string;
}

export interface SiliconPoints {
  readonly rows: number;
  readonly points: readonly SiliconPoint[];
  readonly leftOut: readonly LeftOut[];
}

export const SYSTEMS = 'aiconfigurator_core/systems';

/**
 * Reads the end-to-end points of aiconfigurator-core: aggregated servers, each measurement once, labels
 * mended where the rows contradict themselves or the published checkpoint.
 * @param folder of the unpacked wheel
 */
export function readSiliconPoints(folder: string): SiliconPoints {
  const rows = readCsv(readFileSync(join(folder, SYSTEMS, 'silicon_sample.csv'), 'utf8')).filter(
    ({ mode }) => mode === 'agg',
  );
  const points: SiliconPoint[] = [];
  const leftOut: LeftOut[] = [];
  for (const same of merged(rows)) {
    const point = pointOf(same);
    if ('reason' in point) leftOut.push(point);
    else points.push(point);
  }
  return { rows: rows.length, points, leftOut };
}

export type CsvRow = Readonly<Record<string, string>>;

/** @param text without quotes, as all files here are. */
export function readCsv(text: string): CsvRow[] {
  const [head = '', ...lines] = text.trim().split(/\r?\n/);
  const names = head.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(names.map((name, i) => [name, cells[i] ?? '']));
  });
}

/**
 * Rows of one measurement, of which several dumps were taken: times with up to 17 digits are never equal by
 * chance.
 */
export function merged(rows: readonly CsvRow[]): CsvRow[][] {
  const groups = new Map<string, CsvRow[]>();
  for (const row of rows) {
    const key = [row.silicon_ttft_ms, row.silicon_tpot_ms, row.system, row.backend].join(' ');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups.values()];
}

function pointOf(same: readonly CsvRow[]): SiliconPoint | LeftOut {
  // The dump that says the release, where one of them does.
  const row = same.find(({ backend_version }) => backend_version !== '') ?? same[0]!;
  const id = row.id!;
  const model = SILICON_MODELS.find(({ paths }) => paths.includes(row.model_path!));
  if (model === undefined) return { id, reason: `a model that is not known here: ${row.model_path}` };
  const precision = row.precision!;
  const formats = formatsOf(row, model);
  if (formats === undefined) return { id, reason: `no checkpoint of ${model.name} in ${precision} is known` };
  if (SPECULATIVE_RELEASES.includes(row.backend_version!))
    return {
      id,
      reason: `${row.backend} ${row.backend_version}: speculative decoding, of which no column tells`,
    };
  const served = servedOn(row);
  if (typeof served === 'string') return { id, reason: served };
  const source = row.silicon_data_source!;
  const origin = source.includes('aic-auto-gap-analysis') ? 'makers' : 'InferenceX';
  const stated = /silicon_concurrency=(\d+)/.exec(source)?.[1];
  return {
    id,
    origin,
    file: origin === 'makers' ? source.replace(/^.*\/data\//, '').replace(/;.*$/, '') : 'InferenceX',
    engine: row.backend!,
    release: row.backend_version || 'of October 2025',
    day: /measured=(\d{4}-\d{2}-\d{2})/.exec(source)?.[1] ?? null,
    model,
    path: row.model_path!,
    device: row.system!,
    precision,
    label: { gemm: row.gemm_quant_mode!, experts: row.moe_quant_mode! },
    formats,
    served,
    promptTokens: Number(row.isl),
    answerTokens: Number(row.osl),
    // `batch_size` is of one group with an attention of its own, and wrong where their number is.
    concurrency:
      origin === 'InferenceX' && stated !== undefined ? Number(stated) : Number(row.batch_size) * served.data,
    ttftSeconds: Number(row.silicon_ttft_ms) / 1000,
    tpotSeconds: Number(row.silicon_tpot_ms) / 1000,
  };
}

/** @returns what is in the checkpoint that a row names; undefined where none is known. */
export function formatsOf(
  { precision, gemm_quant_mode, system }: CsvRow,
  model: SiliconModel,
): CheckpointFormats | undefined {
  if (gemm_quant_mode === '') return model.checkpoints.bf16;
  const stated = model.checkpoints[precision!];
  const formats = isBlackwell(system!) ? (model.onBlackwell?.[precision!] ?? stated) : stated;
  if (formats?.attention !== 'fp8' || gemm_quant_mode !== 'fp8_block') return formats;
  return {
    attention: 'fp8-block',
    feedForward: 'fp8-block',
    shared: 'fp8-block',
    experts: 'fp8-block',
  };
}

/** @param device as folders of tables name it. */
export const isBlackwell = (device: string) => /^g?b[23]00/.test(device);

/**
 * Releases that InferenceX ran with speculative decoding alone (`nvidia-master.yaml`, February and March
 * 2026: dsr1-*-trt-mtp): the rows do not tell how many tokens a step gives.
 */
const SPECULATIVE_RELEASES = ['1.2.0rc6.post3'];

const DEVICES_OF_A_SERVER = 8;

/**
 * How many devices there were, from columns that several tools wrote differently; the ids of rows that have
 * it (`tp8_ep4`) say the same in all of them.
 */
function servedOn(row: CsvRow): ServedOn | string {
  const read = (name: string) => Math.max(1, Number(row[name] || 1));
  const [tensor, data] = [read('tp_size'), read('attention_dp_size')];
  const [cut, spread] = [read('moe_tp_size'), read('moe_ep_size')];
  if (read('pp_size') > 1) return 'pipeline parallelism, whose stages no row tells';
  const inferenceX = !row.silicon_data_source!.includes('aic-auto-gap-analysis');
  if (!inferenceX) {
    // Without `attention_dp_size` experts alone say how many devices there were.
    const groups = Math.max(data, (cut * spread) / tensor);
    return splitOf(tensor * groups, groups, spread);
  }
  // vLLM: all devices stand as tensor and again as data parallel, and their product as expert parallel.
  if (data > 1 && tensor > 1 && spread === tensor * data) return splitOf(tensor, data, tensor);
  // Tensor and expert parallelism are of the same devices, and were multiplied.
  if (cut > 1 && spread > 1 && cut * spread === tensor * data)
    return splitOf(cut, data > 1 ? cut : 1, spread);
  if (tensor * data > DEVICES_OF_A_SERVER)
    return `${tensor * data} devices as one group: prefill and decode are apart, and the row adds them up`;
  return splitOf(tensor * data, data, spread);
}

const splitOf = (devices: number, data: number, expert: number): ServedOn => ({
  devices,
  tensor: devices / data,
  data,
  expert,
  expertTensor: devices / expert,
});
