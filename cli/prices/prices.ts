import { z } from 'zod';
import { textUpTo } from '../../core/bounds.js';
import { readYaml } from '../../core/input/yaml.js';
import { readBounded } from '../../formats/bounded-file.js';
import { tryFile, usageError } from '../exit.js';

const MOST_BYTES = 2 ** 20;

const price = z.strictObject({
  perMillionTokensIn: z.number().nonnegative().default(0),
  perMillionTokensOut: z.number().nonnegative().default(0),
  perHour: z.number().nonnegative().default(0),
  perKilowattHour: z.number().nonnegative().default(0),
});
const schema = z.strictObject({
  currency: textUpTo(20),
  /** By what a row is called: its label, its number or its model; `default` for all others. */
  rows: z.record(z.string(), price),
});
type Price = z.infer<typeof price>;

/** What an answer used; null = not known. */
export interface Used {
  readonly tokensIn: number | null;
  readonly tokensOut: number | null;
  readonly seconds: number | null;
  readonly joules: number | null;
}

export interface Prices {
  readonly currency: string;
  /**
   * @returns what an answer costs; null where nothing is said of its row, or what is to be paid for is not
   *   known.
   */
  costOf(names: readonly string[], used: Used): number | null;
}

/** Reads a price list. @throws CommandError (2) with all that is wrong in it. */
export function readPrices(path: string): Prices {
  const hint =
    'Write currency: EUR and rows: { default: { perMillionTokensIn: 0.1, perMillionTokensOut: 0.4 } }.';
  const { currency, rows } = readPriceFile(path, schema, hint);
  return {
    currency,
    costOf(names, used) {
      const name = [...names, 'default'].find((one) => Object.hasOwn(rows, one));
      return name === undefined ? null : costOf(rows[name]!, used);
    },
  };
}

function costOf(price: Price, { tokensIn, tokensOut, seconds, joules }: Used): number | null {
  const parts = [
    part(price.perMillionTokensIn, tokensIn, 1e6),
    part(price.perMillionTokensOut, tokensOut, 1e6),
    part(price.perHour, seconds, 3600),
    part(price.perKilowattHour, joules, 3.6e6),
  ];
  return parts.every((one) => one !== null) ? parts.reduce<number>((sum, one) => sum + one!, 0) : null;
}

const part = (price: number, used: number | null, unit: number) =>
  price === 0 ? 0 : used === null ? null : (price * used) / unit;

/**
 * Reads prices of whatever a schema says.
 * @param hint what such a file looks like.
 * @throws CommandError (2) with all that is wrong in it.
 */
export function readPriceFile<Read>(path: string, expected: z.ZodType<Read>, hint: string): Read {
  const text = tryFile(`the prices ${path} cannot be read`, () =>
    readBounded(path, MOST_BYTES).toString('utf8'),
  );
  const source = readYaml(text);
  const read = expected.safeParse(source.data);
  if (source.readable && source.diagnostics.length === 0 && read.success) return read.data;
  const broken = source.diagnostics.map(({ line, message }) => `${path}:${line} ${message}`);
  // What cannot be read has no keys to judge.
  const problems =
    broken.length > 0 || read.success
      ? broken
      : read.error.issues.map(({ path: at, message }) => `${path}: ${at.join('.')}: ${message}`);
  throw usageError(problems.join('\n'), hint);
}
