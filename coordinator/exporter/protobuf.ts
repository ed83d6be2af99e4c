import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Bucket, Distribution, Exemplar, Family, Labels, Series } from '../../core/metrics/families.js';
import { spansOf } from './native.js';

/** What a Prometheus asks for when it takes native histograms: no text carries them. */
export const PROTOBUF =
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';

/** io.prometheus.client.MetricType */
const KINDS = { counter: 0, gauge: 1, histogram: 4 } as const;

/**
 * Families as io.prometheus.client.MetricFamily, each with its length before it (prometheus/client_model,
 * metrics.proto). Field numbers stand where they are written; nothing else of that file is needed.
 */
export function protobufText(families: readonly Family[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const family of families) writer.bytes(familyBytes(family));
  return writer.finish();
}

function familyBytes({ name, help, kind, series }: Family): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(name);
  writer.tag(2, WireType.LengthDelimited).string(help);
  writer.tag(3, WireType.Varint).int32(KINDS[kind]);
  for (const one of series) message(writer, 4, () => metric(writer, kind, one));
  return writer.finish();
}

function metric(writer: BinaryWriter, kind: Family['kind'], { labels, value }: Series): void {
  pairs(writer, 1, labels);
  if (typeof value !== 'number') message(writer, 7, () => histogram(writer, value));
  else message(writer, kind === 'counter' ? 3 : 2, () => writer.tag(1, WireType.Bit64).double(value));
}

function histogram(writer: BinaryWriter, { count, sum, buckets, native }: Distribution): void {
  writer.tag(1, WireType.Varint).uint64(count);
  writer.tag(2, WireType.Bit64).double(sum);
  for (const one of buckets) message(writer, 3, () => bucket(writer, one));
  if (native === null) return;
  writer.tag(5, WireType.Varint).sint32(native.schema);
  writer.tag(6, WireType.Bit64).double(native.zeroThreshold);
  writer.tag(7, WireType.Varint).uint64(native.zeroCount);
  const { spans, deltas } = spansOf(native);
  for (const { offset, length } of spans) {
    message(writer, 12, () => {
      writer.tag(1, WireType.Varint).sint32(offset);
      writer.tag(2, WireType.Varint).uint32(length);
    });
  }
  for (const delta of deltas) writer.tag(13, WireType.Varint).sint64(delta);
  // Exemplars of a native histogram stand apart from any bucket.
  for (const one of buckets) if (one.exemplar !== null) exemplar(writer, 16, one.exemplar);
}

function bucket(writer: BinaryWriter, { bound, count, exemplar: seen }: Bucket): void {
  writer.tag(1, WireType.Varint).uint64(count);
  writer.tag(2, WireType.Bit64).double(bound);
  if (seen !== null) exemplar(writer, 3, seen);
}

function exemplar(writer: BinaryWriter, field: number, { labels, value, seconds }: Exemplar): void {
  message(writer, field, () => {
    pairs(writer, 1, labels);
    writer.tag(2, WireType.Bit64).double(value);
    message(writer, 3, () => {
      const whole = Math.floor(seconds);
      writer.tag(1, WireType.Varint).int64(whole);
      writer.tag(2, WireType.Varint).int32(Math.round((seconds - whole) * 1e9));
    });
  });
}

function pairs(writer: BinaryWriter, field: number, labels: Labels): void {
  for (const [name, value] of Object.entries(labels)) {
    message(writer, field, () => {
      writer.tag(1, WireType.LengthDelimited).string(name);
      writer.tag(2, WireType.LengthDelimited).string(value);
    });
  }
}

/** Writes a message inside a message, with its length before it. */
export function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}
