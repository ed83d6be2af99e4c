import { invalid } from './errors.js';

/**
 * Takes the columns of numbers out of a record that nobody has checked yet. They are most of its bytes, and a
 * schema that walks them one by one and copies them takes longer than reading them did; here they are checked
 * in a plain loop.
 * @returns a function that puts them back into the record when the rest has been checked.
 * @throws WireError `invalid` that names the first of them that is no number.
 */
export function takeColumns(
  record: unknown,
): (checked: { samples: { seconds: number[]; values: number[] }[]; tokenSeconds: number[][] }) => void {
  const fields = isObject(record) ? record : {};
  const series = Array.isArray(fields.samples) ? fields.samples.map((one) => (isObject(one) ? one : {})) : [];
  const columns = series.map((one, index) => ({
    seconds: take(one, 'seconds', `samples.${index}.seconds`),
    values: take(one, 'values', `samples.${index}.values`),
  }));
  const repeats = Array.isArray(fields.tokenSeconds) ? (fields.tokenSeconds as unknown[]) : [];
  const steps = repeats.map((_, index) => take(repeats, index, `tokenSeconds.${index}`));
  return (checked) => {
    for (const [index, { seconds, values }] of columns.entries()) {
      const one = checked.samples[index];
      if (one === undefined) continue;
      if (seconds !== null) one.seconds = seconds;
      if (values !== null) one.values = values;
    }
    for (const [index, column] of steps.entries()) if (column !== null) checked.tokenSeconds[index] = column;
  };
}

/**
 * Leaves an empty list where a column was.
 * @returns the column; null for what is none, which the schema says better.
 */
function take<Key extends string | number>(
  holder: { [key in Key]?: unknown },
  key: Key,
  path: string,
): number[] | null {
  const column = holder[key];
  if (!Array.isArray(column)) return null;
  for (let index = 0; index < column.length; index += 1) {
    // JSON has no NaN, but a number beyond all bounds reads as Infinity.
    if (Number.isFinite(column[index])) continue;
    throw invalid(`The result record is not valid: ${path}.${index}: expected a number.`);
  }
  holder[key] = [];
  return column as number[];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
