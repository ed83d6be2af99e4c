import { groupBy } from '../../../core/maps.js';
import type { Distribution, Family, Labels } from '../../../core/metrics/families.js';
import type { GenAiHistogram } from './gen-ai.js';
import type { Pushed } from './pusher.js';

/** opentelemetry.proto.metrics.v1.AggregationTemporality: counts since the start, as Prometheus has them. */
const CUMULATIVE = 2;

/** OTLP over HTTP in its JSON encoding (opentelemetry.io/docs/specs/otlp): an ExportMetricsServiceRequest. */
export function metricsRequest({ families, genAi, target, now, since }: Pushed): object {
  const times = { startTimeUnixNano: nanoseconds(since), timeUnixNano: nanoseconds(now) };
  const { job = '', instance = '' } = target;
  return {
    resourceMetrics: [
      {
        resource: {
          attributes: attributes({
            'service.name': job,
            'service.instance.id': instance,
            'host.name': instance,
          }),
        },
        scopeMetrics: [
          {
            scope: { name: 'ridgepoint' },
            metrics: [
              ...families.filter(({ series }) => series.length > 0).map((family) => metric(family, times)),
              ...[...groupBy(genAi, ({ name }) => name).values()].map((all) => conventional(all, times)),
            ],
          },
        ],
      },
    ],
  };
}

interface Times {
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
}

function metric({ name, help, kind, series }: Family, times: Times): object {
  const described = { name, description: help };
  const distributions = series.flatMap(({ labels, value }) =>
    typeof value === 'number' ? [] : [{ labels, value }],
  );
  if (kind === 'histogram') {
    const dataPoints = distributions.map(({ labels, value }) => ({
      attributes: attributes(labels),
      ...times,
      count: String(value.count),
      sum: value.sum,
      ...explicitBuckets(value),
    }));
    return { ...described, histogram: { aggregationTemporality: CUMULATIVE, dataPoints } };
  }
  const dataPoints = series.map(({ labels, value }) => ({
    attributes: attributes(labels),
    ...(kind === 'counter' ? times : { timeUnixNano: times.timeUnixNano }),
    asDouble: value,
  }));
  return kind === 'counter'
    ? { ...described, sum: { aggregationTemporality: CUMULATIVE, isMonotonic: true, dataPoints } }
    : { ...described, gauge: { dataPoints } };
}

function explicitBuckets({ buckets }: Distribution): object {
  return {
    explicitBounds: buckets.map(({ bound }) => bound).filter(Number.isFinite),
    bucketCounts: buckets.map(({ count }, i) => String(count - (buckets[i - 1]?.count ?? 0))),
  };
}

/** @param all of one name */
function conventional(all: readonly GenAiHistogram[], times: Times): object {
  const dataPoints = all.map(({ attributes: own, bounds, counts, sum }) => ({
    attributes: attributes(own),
    ...times,
    count: String(counts.reduce((total, count) => total + count, 0)),
    sum,
    explicitBounds: bounds,
    bucketCounts: counts.map(String),
  }));
  const { name, unit } = all[0]!;
  return { name, unit, histogram: { aggregationTemporality: CUMULATIVE, dataPoints } };
}

function attributes(labels: Labels): object[] {
  return Object.entries(labels).map(([key, value]) => ({ key, value: { stringValue: value } }));
}

/** 64-bit integers are texts in protobuf's JSON. */
function nanoseconds(milliseconds: number): string {
  return String(BigInt(Math.round(milliseconds)) * 1_000_000n);
}
