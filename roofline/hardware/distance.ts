import type { Hardware } from './figure.js';

/** By how much two devices' roofs differ, in logarithms: 0 for the same. */
export function deviceDistance(one: Hardware, other: Hardware): number {
  const logRatio = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? 1 : Math.abs(Math.log(a / b));
  return (
    logRatio(one.memoryBytesPerSecond.value, other.memoryBytesPerSecond.value) +
    logRatio(one.peaks.bf16?.value, other.peaks.bf16?.value)
  );
}
