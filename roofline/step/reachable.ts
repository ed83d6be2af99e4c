import { NUMBER_FORMATS, type OperatorCall, type OperatorTimes } from '../../core/work/operator-call.js';
import type { Ceilings } from '../ceilings.js';
import { FORMATS } from '../operators/number-format.js';

/** Calls so large that nothing but the roof is left of their time. */
const STREAMED_BYTES = 1e9;
const SIDES = [4096, 8192, 16_384];
const SENT_ELEMENTS = 1e8;

/**
 * What measured operators reach at best, in place of what the maker publishes: of memory what streams through
 * it, of arithmetic what a product of large matrices reaches, of links an all-reduce.
 * @param devices that share a model.
 */
export function reachableCeilings(times: OperatorTimes, published: Ceilings, devices: number): Ceilings {
  const shareOf = (call: OperatorCall): number => {
    const time = times.timeOf(call);
    return time.seconds === null ? 1 : Math.min(1, time.roofSeconds / time.seconds);
  };
  const peaks = Object.entries(published.peaks).map(([arithmetic, peak]) => {
    const format = NUMBER_FORMATS.find(
      (name) => FORMATS[name].arithmetic === (arithmetic === 'f16' ? 'bf16' : arithmetic),
    );
    if (format === undefined) return [arithmetic, peak];
    const shares = SIDES.map((side) =>
      shareOf({
        family: 'product',
        format,
        rows: side,
        inputs: side,
        outputs: side,
      }),
    );
    return [arithmetic, peak * Math.max(...shares)];
  });
  const link =
    devices === 1
      ? 1
      : shareOf({
          family: 'collective',
          operation: 'all-reduce',
          devices,
          elements: SENT_ELEMENTS,
        });
  return {
    ...published,
    memoryBytesPerSecond:
      published.memoryBytesPerSecond * shareOf({ family: 'stream', bytes: STREAMED_BYTES }),
    peaks: Object.fromEntries(peaks),
    peerBytesPerSecond: published.peerBytesPerSecond === null ? null : published.peerBytesPerSecond * link,
  };
}
