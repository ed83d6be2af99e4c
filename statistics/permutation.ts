/**
 * A seeded shuffle of 0 … count - 1 in constant memory: a Feistel network over a rectangle a × b that just
 * holds the count, walking on when it steps outside (Black & Rogaway, "Ciphers with Arbitrary Finite
 * Domains", 2002: cycle-walking and the generalized Feistel method). Not for secrets.
 */
const ROUNDS = 8;

/** Finalizer of MurmurHash3 over two words: every input bit moves every output bit. */
function mix(word: number, key: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b) ^ key;
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  h ^= h >>> 16;
  h = Math.imul(h ^ (h >>> 15), 0x2c1b_3c6d);
  return (h ^ (h >>> 14)) >>> 0;
}

const roundKey = (seed: number, round: number) => mix(Math.imul(round + 1, 0x9e37_79b9), seed >>> 0);

/** Largest count whose arithmetic stays exact: rows × columns must be a safe integer. */
const MAX_COUNT = 2 ** 52;

/** Sides of the rectangle: rows × columns ≥ count, with less than one row to spare. */
function sides(count: number): { rows: number; columns: number } {
  if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT)
    throw new RangeError(`cannot shuffle ${count} positions`);
  const rows = Math.ceil(Math.sqrt(count));
  return { rows, columns: Math.ceil(count / rows) };
}

/** @returns the new position of the element at `index`; for each seed, a bijection on 0 … count - 1. */
export function permute(index: number, count: number, seed: number): number {
  const { rows, columns } = sides(count);
  if (!Number.isInteger(index) || index < 0 || index >= count)
    throw new RangeError(`${index} is outside 0 to ${count - 1}`);
  let value = index;
  do {
    let row = Math.floor(value / columns);
    let column = value % columns;
    for (let round = 0; round < ROUNDS; round += 2) {
      row = (row + mix(column, roundKey(seed, round))) % rows;
      column = (column + mix(row, roundKey(seed, round + 1))) % columns;
    }
    value = row * columns + column;
  } while (value >= count);
  return value;
}
