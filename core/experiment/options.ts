import type { z } from 'zod';
import { failed } from '../errors.js';
import { quote } from '../quote.js';
import type { AxisValue } from './experiment.js';

/**
 * Of a kind of runner or workload: one field per option, with its scalar type, range, default and help. Field
 * order is axis order.
 */
export type OptionsSchema = z.ZodObject<Record<string, z.ZodDefault>>;

/** The options of a kind at one point, as its schema gives them. */
export type OptionsOf<K extends { readonly options: z.ZodType }> = Readonly<z.output<K['options']>>;

/**
 * Reads the options of one point. Shared code carries them as they are; the functions of a kind take what
 * comes out of here.
 * @returns the options with defaults filled in.
 * @throws FailureError `impossible-combination` for the first that the schema does not allow.
 */
export function readOptions<S extends z.ZodObject>(
  schema: S,
  options: Readonly<Record<string, AxisValue | undefined>>,
): Readonly<z.output<S>> {
  const read = schema.safeParse(options);
  if (read.success) return read.data;
  const { path, message } = read.error.issues[0]!;
  const name = path.join('.');
  if (name === '') throw failed('impossible-combination', message, 'Leave it out of the sweep.');
  const value = options[name];
  const said = `${name} cannot be ${typeof value === 'string' ? quote(value) : value}: ${message}`;
  throw failed('impossible-combination', said, `Correct ${name} in the sweep.`);
}
