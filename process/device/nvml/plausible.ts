/** 32 bits of ones: "not available". */
export const NO_VALUE_32 = 2 ** 32 - 1;
/** All 64 bits, and DCGM's blanks, which start at 2^63 − 16; no quantity gets near. */
export const NO_VALUE_64 = 2 ** 62;

/** @returns the value, or null for what stands for "not available" or cannot be. */
export function plausible(value: number, sentinel: number): number | null {
  return Number.isFinite(value) && value >= 0 && value < sentinel ? value : null;
}

/** An unsigned 64-bit number as a double: exact up to 2^53, and above that only told from a sentinel. */
export function unsigned64(buffer: Buffer, at = 0): number | null {
  return plausible(buffer.readUInt32LE(at + 4) * 2 ** 32 + buffer.readUInt32LE(at), NO_VALUE_64);
}
