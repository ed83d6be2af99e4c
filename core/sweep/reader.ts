import type { AxisValue } from '../experiment/experiment.js';
import { MAX_DIAGNOSTICS, type Path, type UnlocatedDiagnostic } from '../input/diagnostic.js';
import { expandRange, MAX_AXIS_VALUES } from '../input/ranges.js';
import type { Technique } from '../techniques/technique.js';
import { show, valueAt } from './expected.js';
import type { Field } from './fields.js';
import type { Axis } from './spec.js';

/** A value of the file and where it stands. */
export interface Item {
  readonly path: Path;
  readonly value: unknown;
}

/** An axis as the file has it, with the place of each value; `damaged` when some values were not usable. */
export interface ReadAxis extends Axis {
  readonly places: readonly Path[];
  readonly damaged: boolean;
}

/** A runner or workload block with the places of its values. */
export interface ReadBlock {
  readonly kind: string;
  readonly axes: readonly ReadAxis[];
}

/**
 * Reads the sound parts of a sweep file whose structure was judged already: whatever a finding points at is
 * passed over, so that one error neither hides others nor causes new ones.
 */
export class Reader {
  /** The first errors. */
  readonly findings: UnlocatedDiagnostic[];
  readonly #data: unknown;
  readonly #broken: ReadonlySet<string>;
  /** Every path with a structural error at or below it. */
  readonly #damaged: ReadonlySet<string>;
  #count: number;

  constructor(data: unknown, structural: readonly UnlocatedDiagnostic[]) {
    this.#data = data;
    this.#broken = new Set(structural.map((finding) => keyOf(finding.path)));
    this.#damaged = new Set(
      structural.flatMap(({ path }) => [...path, ''].map((_, depth) => keyOf(path.slice(0, depth)))),
    );
    this.findings = [...structural];
    this.#count = structural.length;
  }

  /** Every error, those that are not among `findings` as well. */
  get count(): number {
    return this.#count;
  }

  /** @param suggestion a word, or how it is found: not looked for when nobody will be told */
  report(
    path: Path,
    message: string,
    suggestion: string | null | (() => string | null) = null,
    at: 'key' | 'value' = 'value',
  ): void {
    this.#count++;
    if (this.findings.length >= MAX_DIAGNOSTICS) return;
    const nearest = typeof suggestion === 'function' ? suggestion() : suggestion;
    this.findings.push({ path, message, suggestion: nearest, at });
  }

  /** True when a structural error is at the path or above it. */
  broken(path: Path): boolean {
    for (let depth = 0; depth <= path.length; depth++) {
      if (this.#broken.has(keyOf(path.slice(0, depth)))) return true;
    }
    return false;
  }

  /** True when a structural error is anywhere below the path. */
  damaged(path: Path): boolean {
    return this.#damaged.has(keyOf(path));
  }

  /** The value at a path, or undefined when it is not there or not usable. */
  value(path: Path): unknown {
    return this.broken(path) ? undefined : valueAt(this.#data, path);
  }

  /** The usable entries of one-or-many. */
  items(path: Path): Item[] {
    const value = this.value(path);
    if (value === undefined) return [];
    if (!Array.isArray(value)) return [{ path, value }];
    return value
      .map((item: unknown, i) => ({ path: [...path, i], value: item }))
      .filter((item) => !this.broken(item.path));
  }

  /** The usable entries of a map, in file order. */
  entries(path: Path): [string, Path][] {
    const value = this.value(path);
    if (typeof value !== 'object' || value === null) return [];
    return Object.keys(value)
      .map((key): [string, Path] => [key, [...path, key]])
      .filter(([, at]) => !this.broken(at));
  }

  /** One field as an axis: ranges written out, each value judged, doubles reported. */
  axis(field: Field, path: Path): ReadAxis {
    const values: AxisValue[] = [];
    const places: Path[] = [];
    const seen = new Set<AxisValue>();
    const found = this.count;
    let expanded = 0;
    for (const item of this.items(path)) {
      const written = this.#expand(field, item);
      expanded += written.length;
      // Ranges that all hold the same values are as much work as others.
      if (expanded > 2 * MAX_AXIS_VALUES) {
        this.report(item.path, `${field.name} has more than ${MAX_AXIS_VALUES} values: write fewer`);
        break;
      }
      for (const value of written) {
        if (seen.has(value))
          this.report(item.path, `${field.name} has the value ${show(value)} twice: remove one`);
        else if (values.length === MAX_AXIS_VALUES) {
          this.report(item.path, `${field.name} has more than ${MAX_AXIS_VALUES} values: write fewer`);
          break;
        } else {
          seen.add(value);
          values.push(value);
          places.push(item.path);
        }
      }
    }
    const damaged = this.damaged(path) || this.count > found;
    if (values.length > 0) return { name: field.name, values, places, damaged };
    return { name: field.name, values: [field.fallback], places: [path], damaged };
  }

  #expand(field: Field, { path, value }: Item): readonly AxisValue[] {
    if (field.technique !== null) return this.#settings(field.technique, { path, value });
    if (field.scalar.safeParse(value).success) return [value as AxisValue];
    const expansion = expandRange(String(value));
    if (!expansion.ok) {
      this.report(path, `${field.name}: ${expansion.message}`);
      return [];
    }
    const outside = expansion.value.find((number) => !field.scalar.safeParse(number).success);
    if (outside === undefined) return expansion.value;
    this.report(path, `${field.name}: ${show(value)} reaches ${outside}, which is out of range`);
    return [];
  }

  /**
   * The canonical words of a technique that were written, a map giving one for each combination of its lists.
   */
  #settings(technique: Technique, { path, value }: Item): readonly AxisValue[] {
    if (this.damaged(path)) return [];
    const maps = typeof value === 'object' && value !== null ? combinations(value) : null;
    if (maps !== null && maps.length > MAX_AXIS_VALUES) {
      this.report(path, `${technique.name} has more than ${MAX_AXIS_VALUES} values: write fewer`);
      return [];
    }
    const settings = maps === null ? [String(value)] : maps.map((map) => technique.spell(map));
    const read = settings.map((nearest) => technique.read(nearest));
    for (const reading of read) {
      if (reading.ok) continue;
      this.report(path, reading.message, reading.suggestion);
      return [];
    }
    return [...new Set(read.flatMap((reading) => (reading.ok ? [reading.value] : [])))];
  }
}

/** Every way to take one value of each list of a map; the last key changes fastest. */
function combinations(map: object): Record<string, unknown>[] {
  let all: Record<string, unknown>[] = [{}];
  for (const [key, written] of Object.entries(map)) {
    const values: unknown[] = Array.isArray(written) ? written : [written];
    if (all.length * values.length > MAX_AXIS_VALUES) return Array(MAX_AXIS_VALUES + 1).fill({});
    all = all.flatMap((point) => values.map((value) => ({ ...point, [key]: value })));
  }
  return all;
}

function keyOf(path: Path): string {
  return path.map((step) => `${typeof step === 'number' ? '#' : '.'}${step}\u0000`).join('');
}
