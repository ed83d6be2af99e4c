import type { FourBitName } from '../../../core/techniques/four-bit/formats.js';

const FLOATS = [0, 0.5, 1, 1.5, 2, 3, 4, 6] as const;
const INTEGERS = 0x80;

/** @returns the value of an E4M3 number without its sign: codes 0 to 126. */
export function e4m3(code: number): number {
  const [exponent, fraction] = [code >> 3, code & 7];
  return exponent === 0 ? fraction / 512 : (1 + fraction / 8) * 2 ** (exponent - 7);
}

/** @returns the nearest; of two alike the smaller. */
export function nearestE4m3(value: number): number {
  let best = 0;
  for (let code = 1; code < 127; code++)
    if (Math.abs(e4m3(code) - value) < Math.abs(e4m3(best) - value)) best = code;
  return best;
}

/** @returns what the values of a block are multiplied by. */
export function stepOf(format: FourBitName, scale: number, tensorScale: number): number {
  return tensorScale * (format === 'mxfp4' ? 2 ** (scale - 127) : e4m3(scale & 127));
}

/** @returns whether the codes of a block are integers. */
export function hasIntegers(format: FourBitName, scale: number): boolean {
  return format === 'if4' && scale >= INTEGERS;
}

export function codeValue(code: number, integers: boolean): number {
  if (integers) return (6 / 7) * (code < 8 ? code : code - 16);
  return code < 8 ? FLOATS[code]! : -FLOATS[code - 8]!;
}

/** @returns the code of the nearest value; of two alike the one nearer to zero, and never a negative zero. */
export function nearestCode(weight: number, step: number, integers: boolean): number {
  if (step === 0) return 0;
  const codes = integers
    ? [0, 1, 15, 2, 14, 3, 13, 4, 12, 5, 11, 6, 10, 7, 9]
    : [0, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15];
  let best = 0;
  const distance = (code: number) => Math.abs(weight / step - codeValue(code, integers));
  for (const code of codes) if (distance(code) < distance(best)) best = code;
  return best;
}

/** @returns scales that a block may get, in the order in which the first of the best is taken. */
function candidates(format: FourBitName, most: number, tensorScale: number, search: boolean): number[] {
  if (format === 'mxfp4') {
    const exponent = Math.floor(Math.fround(Math.log2(Math.fround(most)))) - 2 + 127;
    const codes = search ? [exponent, exponent + 1, exponent - 1] : [exponent];
    return codes.map((code) => Math.min(254, Math.max(0, code)));
  }
  const ideal = most / 6 / tensorScale;
  const codes = [nearestE4m3(ideal)];
  if (search)
    for (let code = nearestE4m3(0.6 * ideal); code <= nearestE4m3(1.6 * ideal); code++) codes.push(code);
  return format === 'if4' ? codes.flatMap((code) => [code, code | INTEGERS]) : codes;
}

/** @returns the scale of a block: the only candidate, or the one of the least squared error. */
export function chooseScale(
  format: FourBitName,
  weights: ArrayLike<number>,
  tensorScale: number,
  search: boolean,
): number {
  const values = Array.from(weights);
  const most = Math.max(...values.map(Math.abs));
  if (most === 0) return 0;
  const errorOf = (scale: number) => {
    const [step, integers] = [stepOf(format, scale, tensorScale), hasIntegers(format, scale)];
    return values.reduce(
      (sum, weight) => sum + (weight - step * codeValue(nearestCode(weight, step, integers), integers)) ** 2,
      0,
    );
  };
  let best: { scale: number; error: number } | null = null;
  for (const scale of candidates(format, most, tensorScale, search)) {
    const error = errorOf(scale);
    if (best === null || error < best.error) best = { scale, error };
  }
  return best!.scale;
}
