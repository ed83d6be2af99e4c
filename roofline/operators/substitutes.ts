import type { NumberFormat } from '../../core/work/operator-call.js';
import { FORMATS } from './number-format.js';

/** @returns formats whose weights have like bytes and arithmetic, nearest first. */
export function likeFormats(format: NumberFormat): NumberFormat[] {
  const own = FORMATS[format];
  const distance = (other: NumberFormat) =>
    Math.abs(Math.log(FORMATS[other].weightBytes / own.weightBytes)) +
    (FORMATS[other].arithmetic === own.arithmetic ? 0 : 0.5);
  return (Object.keys(FORMATS) as NumberFormat[])
    .filter((other) => other !== format && distance(other) < Math.LN2)
    .sort((a, b) => distance(a) - distance(b));
}

/** Calls that differ in the format of their weights alone. */
export function inLikeFormats<Call extends { readonly format: NumberFormat }>(call: Call) {
  return likeFormats(call.format).map((format) => ({
    call: { ...call, format },
    difference: `of ${format}`,
  }));
}
