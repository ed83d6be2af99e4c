import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import snappy from 'snappyjs';
import type { Exemplar, Family, Labels, Series } from '../../../core/metrics/families.js';
import { numberText } from '../../../core/metrics/text.js';
import { message } from '../protobuf.js';
import type { Encoder } from './pusher.js';

/** prometheus.MetricMetadata.MetricType */
const KINDS = { counter: 1, gauge: 2, histogram: 3 } as const;

/**
 * Prometheus remote write 1.0 (prometheus.io/docs/specs/prw/remote_write_spec): a prompb.WriteRequest, compressed with
 * Snappy's block format. Histograms go as their classic buckets: whether a server takes native ones cannot be asked.
 */
export const remoteWrite: Encoder = {
  headers: {
    'content-type': 'application/x-protobuf',
    'content-encoding': 'snappy',
    'x-prometheus-remote-write-version': '0.1.0',
  },
  encode: ({ families, target, now }) => snappy.compress(writeRequest(families, target, now)),
};

/** @param target labels that a scrape would add: `job` and `instance`. @param now milliseconds since 1970. */
function writeRequest(families: readonly Family[], target: Labels, now: number): Uint8Array {
  const writer = new BinaryWriter();
  for (const { name, series } of families) {
    for (const one of series.flatMap((whole) => flat(name, whole))) {
      message(writer, 1, () => timeSeries(writer, { ...one.labels, ...target }, one, now));
    }
  }
  for (const { name, kind, help, series } of families) {
    if (series.length === 0) continue;
    message(writer, 3, () => {
      writer.tag(1, WireType.Varint).int32(KINDS[kind]);
      writer.tag(2, WireType.LengthDelimited).string(name);
      writer.tag(4, WireType.LengthDelimited).string(help);
    });
  }
  return writer.finish();
}

interface Flat {
  readonly labels: Labels;
  readonly value: number;
  readonly exemplar: Exemplar | null;
}

/** A histogram is as many series as its text has lines. */
function flat(name: string, { labels, value }: Series): Flat[] {
  const one = (
    suffix: string,
    number: number,
    more: Labels = {},
    exemplar: Exemplar | null = null,
  ): Flat => ({
    labels: { ...labels, ...more, __name__: `${name}${suffix}` },
    value: number,
    exemplar,
  });
  if (typeof value === 'number') return [one('', value)];
  return [
    ...value.buckets.map(({ bound, count, exemplar }) =>
      one('_bucket', count, { le: numberText(bound) }, exemplar),
    ),
    one('_sum', value.sum),
    one('_count', value.count),
  ];
}

function timeSeries(writer: BinaryWriter, labels: Labels, { value, exemplar }: Flat, now: number): void {
  pairs(writer, labels);
  message(writer, 2, () => {
    writer.tag(1, WireType.Bit64).double(value);
    writer.tag(2, WireType.Varint).int64(now);
  });
  if (exemplar === null) return;
  message(writer, 3, () => {
    pairs(writer, exemplar.labels);
    writer.tag(2, WireType.Bit64).double(exemplar.value);
    writer.tag(3, WireType.Varint).int64(Math.round(exemplar.seconds * 1000));
  });
}

/** Sorted by name, as the specification asks; an empty label is none. */
function pairs(writer: BinaryWriter, labels: Labels): void {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, value] of sorted) {
    if (value === '') continue;
    message(writer, 1, () => {
      writer.tag(1, WireType.LengthDelimited).string(name);
      writer.tag(2, WireType.LengthDelimited).string(value);
    });
  }
}
