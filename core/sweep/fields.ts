import { z } from 'zod';
import { integerBetween, orNull, textUpTo } from '../bounds.js';
import type { AxisValue } from '../experiment/experiment.js';
import { MAX_AXIS_VALUES, RANGE_PATTERN } from '../input/ranges.js';
import { DEVICE_CLASSES, RUNNERS } from '../runners/index.js';
import { TECHNIQUES } from '../techniques/index.js';
import type { Technique } from '../techniques/technique.js';
import { WORKLOADS } from '../workloads/index.js';

/** One axis a sweep can have: what it holds at one point, and what it is when the file does not say. */
export interface Field {
  readonly name: string;
  readonly scalar: z.ZodType;
  readonly fallback: AxisValue;
  readonly help: string;
  /** True when it holds integers, so that llama-bench's range spellings make sense. */
  readonly counts: boolean;
  /** The field as a sweep file writes it: one value or a list of them. */
  readonly written: z.ZodType;
  /** For techniques, whose words have a grammar of their own. */
  readonly technique: Technique | null;
}

/**
 * Gives one or a list; a list is an axis.
 * @param id what the published schema calls the item, so that it is there once; null where the item is small.
 */
export function oneOrMany<T extends z.ZodType>(id: string | null, item: T, most = MAX_AXIS_VALUES) {
  const one = id === null ? item : (item.meta({ id }) as T);
  return z.union([one, z.array(one).min(1).max(most)]);
}

const range = z
  .string()
  .regex(new RegExp(RANGE_PATTERN))
  .meta({ id: 'range', title: 'a range such as "128-1024*2"' });

function field(name: string, schema: z.ZodDefault): Field {
  const scalar = schema.unwrap() as z.ZodType;
  const help = schema.description ?? '';
  const fallback = schema.parse(undefined) as AxisValue;
  const counts = takesIntegers(scalar);
  const written = oneOrMany(`${name}-value`, counts ? z.union([scalar, range]) : scalar);
  return {
    name,
    scalar,
    fallback,
    help,
    counts,
    written: written.meta({ id: name, description: help, default: fallback }),
    technique: null,
  };
}

/**
 * Read off the schema itself: to write each as JSON Schema takes a quarter of a second, which every command
 * and agent would wait for.
 */
function takesIntegers(schema: z.core.$ZodType): boolean {
  if (schema instanceof z.ZodNumber) return schema.isInt;
  if (schema instanceof z.ZodNullable) return takesIntegers(schema.unwrap());
  return schema instanceof z.ZodUnion && schema.options.some(takesIntegers);
}

/** Longest word of a technique. */
const MAX_WORD = 4000;

/** What a key of a technique's map may have. */
const parts = oneOrMany('part', z.union([textUpTo(MAX_WORD), z.number(), z.boolean()]), 100).meta({
  id: 'parts',
});

/** A technique as a field: words, or maps of keys whose lists multiply. */
function techniqueField(technique: Technique): Field {
  const { name, fallback, help, examples: words, form, keys } = technique;
  const scalar = textUpTo(MAX_WORD).meta({ title: form, examples: [...words] });
  const [required] = Object.keys(keys);
  const map = z
    .strictObject(
      Object.fromEntries(
        Object.entries(keys).map(([key, text]) => {
          const written = parts.describe(text);
          return [key, key === required ? written : written.optional()];
        }),
      ),
    )
    .describe(`${name} by its parts; lists multiply.`);
  const written = oneOrMany(`${name}-value`, z.union([scalar, map])).meta({
    id: name,
    description: help,
    default: fallback,
  });
  return { name, scalar, fallback, help, counts: false, written, technique };
}

const optionFields = new Map<z.ZodDefault, Field>();

/** The options of a kind as fields, in order; an option that several kinds share is one field. */
export function fieldsOf(options: z.ZodObject<Record<string, z.ZodDefault>>): readonly Field[] {
  return Object.entries(options.shape).map(([name, schema]) => {
    const known = optionFields.get(schema) ?? field(name, schema);
    optionFields.set(schema, known);
    return known;
  });
}

const DEVICE = `^(${DEVICE_CLASSES.join('|')})(:[a-z0-9][a-z0-9._-]{0,62})?$`;

/** Axis of the device classes asked for. */
export const deviceField = field(
  'device',
  z
    .string()
    .regex(new RegExp(DEVICE))
    .meta({ title: 'a device class such as cpu, cuda or cuda:h100', examples: [...DEVICE_CLASSES] })
    .default('cpu')
    .describe('Device class a trial has to itself; `cuda:h100` narrows `cuda`.'),
);

/** Axes of how the device is set, written under `spec.device`. */
export const settingFields = [
  field(
    'powerCapWatts',
    orNull(integerBetween(1, 100_000)).describe(
      'Power limit of a GPU, or of each CPU package, while a trial runs; null leaves what the node has. Needs the power helper there.',
    ),
  ),
  field(
    'lockedClockHertz',
    orNull(integerBetween(1e8, 1e11)).describe(
      "Clock a GPU's SMs, or the device's CPUs, are held at while a trial runs; null leaves what the node has. Needs the power helper there.",
    ),
  ),
] as const satisfies readonly Field[];

export const techniqueFields: readonly Field[] = TECHNIQUES.map(techniqueField);

export const runnerFields: ReadonlyMap<string, readonly Field[]> = new Map(
  RUNNERS.map((kind) => [kind.kind, fieldsOf(kind.options)]),
);

export const workloadFields: ReadonlyMap<string, readonly Field[]> = new Map(
  WORKLOADS.map((kind) => [kind.kind, fieldsOf(kind.options)]),
);

/** Axes that hold one value per block; the file writes them as the blocks' kind. */
export const KIND_AXES: readonly string[] = ['runner', 'workload'];

/** Every field by name. Option names are unique over runners and workloads, so a bare name is enough. */
export const FIELDS: ReadonlyMap<string, Field> = new Map(
  [
    ...techniqueFields,
    deviceField,
    ...settingFields,
    ...[...runnerFields.values()].flat(),
    ...[...workloadFields.values()].flat(),
  ].map((f) => [f.name, f]),
);

/** Every axis in canonical order: this is the order of dimensions in a plan, slowest first. */
export const AXIS_NAMES: readonly string[] = ['model', ...FIELDS.keys(), ...KIND_AXES];

/** Other spellings that people bring along → our name. */
export const ALSO_KNOWN_AS: ReadonlyMap<string, string> = new Map(
  [...RUNNERS, ...WORKLOADS].flatMap((kind) => Object.entries(kind.alsoKnownAs)),
);

/** Other spellings of values, lower case → ours, by field. */
export const VALUES_ALSO_KNOWN_AS: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map([
  ['device', { gpu: 'cuda', nvidia: 'cuda', apple: 'metal', mps: 'metal', vk: 'vulkan' }],
]);
