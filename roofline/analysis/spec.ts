import type { Path, UnlocatedDiagnostic } from '../../core/input/diagnostic.js';
import { expandRange, MAX_AXIS_VALUES, RANGE_PATTERN } from '../../core/input/ranges.js';
import { nearest } from '../../core/input/suggest.js';
import { FIELDS, type Field, NotAValue } from './fields.js';
import {
  ANALYSIS_MODES,
  type AnalysisSpec,
  countPoints,
  POINT_DEFAULTS,
  POINT_FIELDS,
  type PointField,
} from './point.js';

/** The most points of one command; each takes at most a millisecond. */
const MAX_POINTS = 20_000;

const REQUIRED: readonly PointField[] = ['model', 'hardware', 'context'];

export type SpecReading =
  | { readonly ok: true; readonly spec: AnalysisSpec }
  | {
      readonly ok: false;
      readonly findings: readonly UnlocatedDiagnostic[];
      /** The values without an error, so that a caller who knows the names can check them as well. */
      readonly readable: Partial<AnalysisSpec>;
    };

/**
 * Reads lists of values for each field, from a file's `spec` or from options. It checks every value and fills
 * in defaults, or reports all errors at once.
 * @param at the place of the fields, for messages.
 */
export function readAnalysisSpec(data: Readonly<Record<string, unknown>>, at: Path = []): SpecReading {
  const findings: UnlocatedDiagnostic[] = [];
  const report = (
    path: Path,
    message: string,
    suggestion: string | null = null,
    where: UnlocatedDiagnostic['at'] = 'value',
  ) => findings.push({ path, message, suggestion, at: where });
  for (const key of Object.keys(data)) {
    if (Object.hasOwn(FIELDS, key)) continue;
    const known = nearest(key, POINT_FIELDS);
    const rest = known === null ? `; known here: ${POINT_FIELDS.join(', ')}` : '';
    report([...at, key], `${JSON.stringify(key)} is not a key here${rest}`, known, 'key');
  }
  const spec: Record<string, readonly unknown[]> = {};
  for (const name of POINT_FIELDS) {
    if (data[name] !== undefined) spec[name] = valuesOf(name, data[name], [...at, name], report);
    else if (!REQUIRED.includes(name)) spec[name] = [POINT_DEFAULTS[name]];
    else report([...at], `${name} is missing: it must be ${FIELDS[name].expected}`);
  }
  if (findings.length > 0) return { ok: false, findings, readable: spec as Partial<AnalysisSpec> };
  const complete = spec as unknown as AnalysisSpec;
  const points = countPoints(complete);
  if (points > MAX_POINTS) {
    report(
      [...at],
      `${points.toLocaleString('en')} points are more than ${MAX_POINTS.toLocaleString('en')}: write fewer values`,
    );
    return { ok: false, findings, readable: complete };
  }
  return { ok: true, spec: complete };
}

type Report = (path: Path, message: string, suggestion?: string | null) => void;

function valuesOf(name: PointField, written: unknown, path: Path, report: Report): readonly unknown[] {
  const field = FIELDS[name];
  if (Array.isArray(written) && written.length === 0) {
    report(path, `${name} is an empty list: give at least one value or leave it out`);
    return [];
  }
  const items: readonly (readonly [unknown, Path])[] = Array.isArray(written)
    ? written.map((value: unknown, i) => [value, [...path, i]])
    : [[written, path]];
  const values: unknown[] = [];
  for (const [value, place] of items.flatMap((item) => expanded(field, item, report))) {
    const read = field.read(value);
    if (read instanceof NotAValue) {
      report(
        place,
        read.message ?? `${name} must be ${field.expected}, not ${show(value)}`,
        guessFor(name, value),
      );
    } else if (values.includes(read)) report(place, `${name} has the value ${show(value)} twice: remove one`);
    else if (values.length === MAX_AXIS_VALUES) {
      report(place, `${name} has more than ${MAX_AXIS_VALUES} values: write fewer`);
      break;
    } else values.push(read);
  }
  return values;
}

function expanded(
  { counts }: Field,
  [value, place]: readonly [unknown, Path],
  report: Report,
): (readonly [unknown, Path])[] {
  if (!counts || typeof value !== 'string' || !new RegExp(RANGE_PATTERN).test(value)) return [[value, place]];
  const expansion = expandRange(value);
  if (expansion.ok) return expansion.value.map((number) => [number, place]);
  report(place, expansion.message);
  return [];
}

function guessFor(name: PointField, value: unknown): string | null {
  return name === 'mode' && typeof value === 'string' ? nearest(value, ANALYSIS_MODES) : null;
}

const show = (value: unknown) => JSON.stringify(value) ?? String(value);
