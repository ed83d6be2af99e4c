import { METRICS, metricNamed } from '../core/metrics/catalogue.js';
import type { Measurement, Missing, Phase, ResultRecord, SampleSeries } from '../core/result/result.js';
import { WATCHED } from '../judgement/drift.js';
import { READING_METRICS } from '../judgement/pace.js';
import type { Report, ReportRequest } from './report.js';
import { type ServedView, servedView } from './served.js';
import { type Details, servedLines, trimDetails } from './trim.js';

/**
 * What the report page carries: the records without what repeats. Objects that many records share (model,
 * options, environment, …) stand once in `shared`; single readings are bare numbers; bulky raw samples are
 * thinned (trim.ts). `unpack` gives records again, so that the page builds its report like everybody else.
 */
export interface Payload
  extends Pick<Report, 'sweepName' | 'objectives' | 'columns' | 'starts' | 'maxStarts'>,
    Pick<ReportRequest, 'bounds' | 'names'> {
  readonly version: 1;
  readonly details: Details;
  readonly shared: readonly unknown[];
  readonly records: readonly PackedRecord[];
  /** Of rows that asked a server, by trial id; their requests stay behind. */
  readonly served?: Readonly<Record<string, ServedView>>;
}

/** Index in `shared`. */
type Shared = number;
/**
 * `[value, source]`, or `[value, source, n, mean, median, stddev, cv, ci95, samples]`; source is an index.
 */
type PackedMeasurement =
  | number
  | [number, Shared]
  | [
      number,
      Shared,
      number,
      number,
      number,
      number | null,
      number | null,
      Measurement['ci95'],
      Measurement['samples'],
    ]
  | { readonly reason: Shared }
  | Measurement
  | Missing;

export interface PackedRecord {
  /** Everything that is small and differs from record to record. */
  readonly own: Omit<
    ResultRecord,
    'measurements' | 'phases' | 'tokenSeconds' | 'samples' | 'serving' | 'graph' | SharedKey | 'experiment'
  >;
  readonly common: readonly Shared[];
  readonly experiment: {
    readonly id: string;
    readonly device: string;
    readonly node: string | null;
    readonly parts: readonly Shared[];
  };
  readonly measurements: Readonly<Record<string, PackedMeasurement>>;
  /** `[name, repeat, startSeconds, endSeconds, tokens]`. */
  readonly phases: readonly (readonly [Phase['name'], number | null, number, number, number])[];
  readonly tokenSeconds: ResultRecord['tokenSeconds'];
  readonly samples: readonly SampleSeries[];
}

const SHARED_KEYS = ['schema', 'node', 'device', 'environment', 'absent', 'artifact', 'roofs'] as const;
type SharedKey = (typeof SHARED_KEYS)[number];
/** Trials that no row quotes carry what drift is judged by, and nothing else. */
const DRIFT_METRICS: ReadonlySet<string> = new Set(WATCHED.map(([metric]) => metric));
/** Drift controls carry what rows of two runs are compared by, too: they tell how the machine moved. */
const CONTROL_METRICS: ReadonlySet<string> = new Set([
  ...DRIFT_METRICS,
  ...METRICS.flatMap(({ name, column }) => (column === null ? [] : [name])),
  ...READING_METRICS,
]);
const EXPERIMENT_PARTS = [
  'model',
  'technique',
  'runner',
  'workload',
  'measure',
  'quality',
  'settings',
] as const;

/**
 * @param quoted ids of the trials whose raw samples are worth carrying: those that rows quote
 */
export function pack(
  records: readonly ResultRecord[],
  quoted: ReadonlySet<string>,
  request: ReportRequest,
): Payload {
  const shared: unknown[] = [];
  const known = new Map<string, Shared>();
  const share = (value: unknown): Shared => {
    const key = JSON.stringify(value);
    const at = known.get(key) ?? shared.push(value) - 1;
    known.set(key, at);
    return at;
  };
  const { details, trim } = trimDetails(records.filter((r) => quoted.has(r.trialId)));
  const packed = records.map((record): PackedRecord => {
    const {
      measurements,
      phases,
      tokenSeconds,
      samples,
      serving: _,
      graph: __,
      experiment,
      ...rest
    } = record;
    const own = Object.fromEntries(
      Object.entries(rest).filter(([key]) => !(SHARED_KEYS as readonly string[]).includes(key)),
    ) as PackedRecord['own'];
    // Shapes and factors are for whoever judges again, and are long.
    if (own.given !== undefined) own.given = { ...own.given, roofline: null };
    const unquoted = record.sweep.purpose === 'control' ? CONTROL_METRICS : DRIFT_METRICS;
    const shown = quoted.has(record.trialId) ? trim(record) : { tokenSeconds: [], samples: [], phases: [] };
    return {
      own,
      common: SHARED_KEYS.map((key) => share(record[key])),
      experiment: {
        id: experiment.id,
        device: experiment.device,
        node: experiment.node,
        parts: EXPERIMENT_PARTS.map((part) => share(experiment[part])),
      },
      measurements: Object.fromEntries(
        Object.entries(measurements)
          .filter(([name]) => quoted.has(record.trialId) || unquoted.has(name))
          .map(([name, entry]) => [name, packMeasurement(name, entry, share)]),
      ),
      phases: shown.phases.map(
        (p) => [p.name, p.repeat, micro(p.startSeconds), micro(p.endSeconds), p.tokens] as const,
      ),
      tokenSeconds: shown.tokenSeconds,
      samples: shown.samples,
    };
  });
  return {
    version: 1,
    sweepName: request.sweepName,
    objectives: request.objectives,
    ...(request.bounds !== undefined && { bounds: request.bounds }),
    columns: request.columns ?? null,
    starts: request.starts ?? null,
    maxStarts: request.maxStarts ?? null,
    names: request.names ?? [],
    details,
    shared,
    records: packed,
    ...servedOf(records.filter(({ trialId }) => quoted.has(trialId))),
  };
}

function servedOf(records: readonly ResultRecord[]): Pick<Payload, 'served'> {
  const asked = records.filter(({ serving }) => serving !== undefined);
  if (asked.length === 0) return {};
  const most = servedLines(asked.length);
  return {
    served: Object.fromEntries(
      asked.flatMap((record) => {
        const view = servedView(record, most);
        return view === null ? [] : [[record.trialId, view]];
      }),
    ),
  };
}

function packMeasurement(
  name: string,
  entry: Measurement | Missing,
  share: (v: unknown) => Shared,
): PackedMeasurement {
  if (metricNamed(name)?.unit !== entry.unit) return entry;
  if (entry.value === null) return { reason: share(entry.reason) };
  const { value, source, n, mean, median, stddev, cv, ci95, samples } = entry;
  const single =
    n === 1 &&
    mean === value &&
    median === value &&
    stddev === null &&
    cv === null &&
    ci95 === null &&
    samples === null;
  if (!single) {
    const [low, high] = ci95 ?? [null, null];
    const interval: Measurement['ci95'] = low === null || high === null ? null : [digits(low), digits(high)];
    return [
      value,
      share(source),
      n,
      digits(mean),
      digits(median),
      digitsOrNull(stddev),
      digitsOrNull(cv),
      interval,
      samples?.map(digits) ?? null,
    ];
  }
  return source === null ? value : [value, share(source)];
}

/** @returns the records of a payload; what was trimmed away is empty or thinner than it was. */
export function unpack(payload: Payload): ResultRecord[] {
  const sharedAt = (index: Shared) => payload.shared[index];
  return payload.records.map((packed) => {
    const { id, device, node, parts } = packed.experiment;
    const experiment = {
      id,
      device,
      node,
      ...Object.fromEntries(EXPERIMENT_PARTS.map((part, i) => [part, sharedAt(parts[i] ?? -1)])),
    };
    return {
      ...packed.own,
      ...Object.fromEntries(SHARED_KEYS.map((key, i) => [key, sharedAt(packed.common[i] ?? -1)])),
      experiment,
      measurements: Object.fromEntries(
        Object.entries(packed.measurements).map(([name, entry]) => [
          name,
          unpackMeasurement(name, entry, sharedAt),
        ]),
      ),
      phases: packed.phases.map(([name, repeat, startSeconds, endSeconds, tokens]) => ({
        name,
        repeat,
        startSeconds,
        endSeconds,
        tokens,
      })),
      tokenSeconds: packed.tokenSeconds,
      samples: packed.samples,
      // Built from the record that `pack` took apart, key by key.
    } as ResultRecord;
  });
}

function unpackMeasurement(
  name: string,
  entry: PackedMeasurement,
  at: (i: Shared) => unknown,
): Measurement | Missing {
  const unit = metricNamed(name)?.unit ?? '';
  if (typeof entry === 'number' || Array.isArray(entry)) {
    const [value, source, n = 1, mean, median, stddev = null, cv = null, ci95 = null, samples = null] =
      typeof entry === 'number' ? [entry] : entry;
    return {
      value,
      unit,
      n,
      mean: mean ?? value,
      median: median ?? value,
      stddev,
      cv,
      ci95,
      samples,
      source: source === undefined ? null : (at(source) as string | null),
    };
  }
  if ('unit' in entry) return entry;
  return { value: null, unit, reason: String(at(entry.reason)) };
}

/** The quoted value keeps every digit; what stands around it keeps nine. */
function digits(value: number): number {
  return Number(value.toPrecision(9));
}

function digitsOrNull(value: number | null): number | null {
  return value === null ? null : digits(value);
}

function micro(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}
