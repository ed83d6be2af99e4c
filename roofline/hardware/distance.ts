import type { Hardware } from './figure.js';

/** Added to a spread where figures are of a device whose roofs differ by a factor of e. */
const FARTHER = 0.2;

/** What figures of one device are less sure by where they stand in for another's. */
export function standInSpread(one: Hardware, other: Hardware): number {
  return FARTHER * deviceDistance(one, other);
}

/** By how much two devices' roofs differ, in logarithms: 0 for the same. */
export function deviceDistance(one: Hardware, other: Hardware): number {
  const logRatio = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? 1 : Math.abs(Math.log(a / b));
  return (
    logRatio(one.memoryBytesPerSecond.value, other.memoryBytesPerSecond.value) +
    logRatio(one.peaks.bf16?.value, other.peaks.bf16?.value)
  );
}
