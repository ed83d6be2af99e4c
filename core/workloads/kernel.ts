import { z } from 'zod';
import { axisOf, SHAPE_AXES } from '../kernels/axes.js';
import { OP_TYPES, type OpFacts } from '../kernels/op.js';
import { OPS } from '../kernels/ops.js';
import { numberOn, type Rule } from '../sweep/rule.js';
import type { WorkloadKind } from './workload.js';

/** The variant that asks most of a processor among those that a node can run. */
export const BEST = 'best';

const NAMES = OPS.map(({ name }) => name) as [string, ...string[]];
/** The runner of ops has CPUs; what runs on a GPU is timed by `ridge kernels bench`. */
export const onCpu = ({ name }: { readonly name: string }): boolean => !name.startsWith('cuda');
const variantsOf = (op: OpFacts | undefined) => op?.variants.filter(onCpu) ?? [];
const VARIANTS = [...new Set(OPS.flatMap((op) => variantsOf(op).map(({ name }) => name)))];
const opOf = (word: unknown): OpFacts | undefined => OPS.find(({ name }) => name === word);

const variantExists: Rule = {
  axes: ['op', 'variant'],
  reason({ op, variant }) {
    const known = variantsOf(opOf(op)).map(({ name }) => name);
    return variant === BEST || known.includes(String(variant))
      ? null
      : `the op ${op} has no variant ${variant}: it has ${[BEST, ...known].join(', ')}`;
  },
};

const typeExists: Rule = {
  axes: ['op', 'variant', 'elementType'],
  reason({ op, variant, elementType }) {
    const facts = opOf(op);
    const known = facts?.variants.find(({ name }) => name === variant)?.types ?? facts?.types ?? [];
    return (known as readonly unknown[]).includes(elementType)
      ? null
      : `${variant === BEST ? '' : `the variant ${variant} of `}${op} has no type ${elementType}: it has ${known.join(', ')}`;
  },
};

/** One for each axis, so that a plan counts what it leaves out without visiting every point. */
const inRange = SHAPE_AXES.map(
  ({ name }): Rule => ({
    axes: ['op', name],
    reason(values) {
      const value = numberOn(values, name);
      if (value === null) return null;
      const parameter = opOf(values.op)?.parameters.find((own) => axisOf(own.name) === name);
      if (parameter === undefined) return `the op ${values.op} has no ${name} in its shape: leave it out`;
      const { least, most } = parameter;
      return value < least || value > most
        ? `${name} of ${values.op} goes from ${least} to ${most}: choose another number`
        : null;
    },
  }),
);

/** Of the op, where the sweep says nothing. */
const sizeOf = (values: Readonly<Record<string, unknown>>, name: string): number =>
  typeof values[name] === 'number'
    ? values[name]
    : (opOf(values.op)?.parameters.find((own) => own.name === name)?.fallback ?? 0);

const grouped: Rule = {
  axes: ['op', 'heads', 'kvHeads'],
  reason: (values) =>
    opOf(values.op)?.parameters.some(({ name }) => name === 'kvHeads') &&
    sizeOf(values, 'heads') % sizeOf(values, 'kvHeads') !== 0
      ? 'heads has to be a multiple of kvHeads, for every K/V head serves as many query heads'
      : null,
};

const fewerThanExperts: Rule = {
  axes: ['op', 'experts', 'used'],
  reason: (values) =>
    values.op === 'moe' && sizeOf(values, 'used') > sizeOf(values, 'experts')
      ? 'used is more than experts, and a token goes to each expert at most once'
      : null,
};

/** An op of our own native library, checked and then timed; no model is run. */
export const kernel: WorkloadKind = {
  kind: 'kernel',
  summary: 'an op of the native library at a shape: checked against its reference, then timed call by call',
  options: z.strictObject({
    op: z.enum(NAMES).default('gemv').describe('What is computed; `ridge kernels list` explains each.'),
    variant: z
      .enum([BEST, ...VARIANTS])
      .default(BEST)
      .describe('How; `best` takes the one that asks most of the processor it runs on.'),
    elementType: z.enum(OP_TYPES).default('f16').describe('What weights, keys and values are stored as.'),
    cacheState: z
      .enum(['cold', 'warm'])
      .default('cold')
      .describe('Whether inputs come from memory at each call, or from the caches where they fit.'),
    ...Object.fromEntries(
      SHAPE_AXES.map(({ name, least, most, help }) => [
        name,
        z.int().min(least).max(most).nullable().default(null).describe(help),
      ]),
    ),
  }),
  rules: [variantExists, typeExists, ...inRange, grouped, fewerThanExperts],
  alsoKnownAs: {},
};
