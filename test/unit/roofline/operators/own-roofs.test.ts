import { expect, test } from 'vitest';
import type { OperatorCall, OperatorTime, OperatorTimes } from '../../../../core/work/operator-call.js';
import { publishedCeilings } from '../../../../roofline/ceilings.js';
import { hardwareNamed } from '../../../../roofline/hardware/catalogue.js';
import { heldToRoofs } from '../../../../roofline/operators/own-roofs.js';
import { timesOn } from '../../../../roofline/operators/shipped/index.js';

const h100 = hardwareNamed('h100')!;
const published = publishedCeilings(h100);
const shipped = timesOn(h100, 'vllm');
const product = (tokens: number): OperatorCall => ({
  family: 'product',
  format: 'bf16',
  rows: tokens,
  inputs: 4096,
  outputs: 4096,
});

function timed(times: OperatorTimes, call: OperatorCall): OperatorTime {
  const time = times.timeOf(call);
  if (time.seconds === null) throw new Error(time.reason);
  return time;
}

test('a node whose memory is slower than tables say takes as long as its own roof allows', () => {
  const memoryBytesPerSecond = published.memoryBytesPerSecond / 100;
  const held = timed(heldToRoofs(shipped, { ...published, memoryBytesPerSecond }), product(1));
  // 4096 · 4096 weights of two bytes, and a row in and out.
  const bytes = 2 * (4096 * 4096 + 2 * 4096);
  expect(held.seconds).toBeCloseTo(bytes / memoryBytesPerSecond, 9);
  expect(held.limit).toBe('memory');
  expect(held.spread).toBe(timed(shipped, product(1)).spread);
});

test('a slow peak binds products of many tokens, and says that arithmetic does', () => {
  const peaks = { ...published.peaks, bf16: published.peaks.bf16! / 100 };
  const held = timed(heldToRoofs(shipped, { ...published, peaks }), product(8192));
  expect(held.seconds).toBeCloseTo((2 * 8192 * 4096 * 4096) / peaks.bf16, 6);
  expect(held.limit).toBe('compute');
});

test('roofs that are wide enough, and peaks that were not measured, change nothing', () => {
  for (const tokens of [1, 64, 8192]) {
    const plain = timed(shipped, product(tokens));
    const fast = { ...published, memoryBytesPerSecond: 100 * published.memoryBytesPerSecond, peaks: {} };
    expect(timed(heldToRoofs(shipped, fast), product(tokens))).toEqual(plain);
  }
});

test('what no table times stays without a time', () => {
  const none: OperatorTimes = { source: 'none', timeOf: () => ({ seconds: null, reason: 'no table' }) };
  expect(heldToRoofs(none, published).timeOf(product(1))).toEqual({ seconds: null, reason: 'no table' });
});
