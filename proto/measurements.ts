import type { ResultRecord } from '../core/result/result.js';

/** As the schema allows. */
const MOST = 1000;
const MOST_NAME = 256;
/** Fields of a measurement that has a value, and of one that is missing, as agents write them. */
const PRESENT = 10;
const MISSING = 3;

/**
 * Takes the measurements out of a record that nobody has checked yet, where each of them is as agents write
 * it: a schema that tries both kinds for each of dozens takes longer than reading the record did. Whatever
 * else is there is left for the schema, which says what is wrong.
 * @returns a function that puts them back into the record when the rest has been checked.
 */
export function takeMeasurements(record: unknown): (checked: Pick<ResultRecord, 'measurements'>) => void {
  const fields = record as { measurements?: unknown } | null;
  const found = fields?.measurements;
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return () => undefined;
  const entries = Object.entries(found as Record<string, unknown>);
  const usual = ([name, value]: [string, unknown]): boolean =>
    name.length <= MOST_NAME && isMeasurement(value);
  // An object of JSON may have this name; assigned, it would be something else.
  if (entries.length > MOST || Object.hasOwn(found, '__proto__') || !entries.every(usual))
    return () => undefined;
  fields!.measurements = {};
  return (checked) => {
    checked.measurements = found as ResultRecord['measurements'];
  };
}

function isMeasurement(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const one = value as Record<string, unknown>;
  if (typeof one.unit !== 'string') return false;
  const fields = Object.keys(one).length;
  if (one.value === null) return fields === MISSING && typeof one.reason === 'string';
  return (
    fields === PRESENT &&
    Number.isFinite(one.value) &&
    Number.isSafeInteger(one.n) &&
    Number.isFinite(one.mean) &&
    Number.isFinite(one.median) &&
    isNumberOrNull(one.stddev) &&
    isNumberOrNull(one.cv) &&
    (one.ci95 === null || (isNumbers(one.ci95) && one.ci95.length === 2)) &&
    (one.samples === null || isNumbers(one.samples)) &&
    (one.source === null || typeof one.source === 'string')
  );
}

const isNumberOrNull = (value: unknown): boolean => value === null || Number.isFinite(value);

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(Number.isFinite);
}
