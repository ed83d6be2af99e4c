import { z } from 'zod';
import { integerBetween, orNull } from '../bounds.js';
import { numberOn, type Rule, refuse } from '../experiment/rule.js';
import { axisOf, SHAPE_AXES } from '../kernels/axes.js';
import { OPS } from '../kernels/gen/ops.js';
import { deviceOf, fulfils, OP_TYPES, type OpFacts, type OpVariant } from '../kernels/op.js';
import { EVERY_ROW, type WorkloadKind } from './workload.js';

/** The variant that asks most of a processor among those that a node can run on the device. */
export const BEST = 'best';

const NAMES = OPS.map(({ name }) => name) as [string, ...string[]];
const VARIANTS = [...new Set(OPS.flatMap((op) => op.variants.map(({ name }) => name)))];
const opOf = (value: unknown): OpFacts | undefined => OPS.find(({ name }) => name === value);

/** @returns what of an op runs on a class of devices: `cpu`, `cuda`, `cuda:h100`. */
export function variantsOn<V extends Pick<OpVariant, 'platform'>>(
  op: { readonly variants: readonly V[] } | undefined,
  deviceClass: unknown,
): V[] {
  const family = String(deviceClass).split(':')[0];
  return op?.variants.filter((variant) => deviceOf(variant) === family) ?? [];
}

const variantExists: Rule = {
  axes: ['device', 'op', 'variant'],
  reason({ device, op, variant }) {
    const facts = opOf(op);
    const known = variantsOn(facts, device).map(({ name }) => name);
    const family = String(device).split(':')[0];
    if (known.length === 0) return `the op ${op} has no variant for ${family}: choose another op or device`;
    if (variant === BEST || known.includes(String(variant))) return null;
    const elsewhere = facts?.variants.find(({ name }) => name === variant);
    if (elsewhere !== undefined)
      return `the variant ${variant} of ${op} does not run on ${family}: choose ${[BEST, ...known].join(', ')}, or placement: device: ${deviceOf(elsewhere)}`;
    return `the op ${op} has no variant ${variant}: it has ${[BEST, ...known].join(', ')}`;
  },
};

const typeExists: Rule = {
  axes: ['device', 'op', 'variant', 'elementType'],
  reason({ device, op, variant, elementType }) {
    const here = variantsOn(opOf(op), device);
    const meant = variant === BEST ? here : here.filter(({ name }) => name === variant);
    const known = [...new Set(meant.flatMap(({ types }) => types))];
    // What is no variant here has a reason of its own.
    return known.length === 0 || (known as readonly unknown[]).includes(elementType)
      ? null
      : `${variant === BEST ? '' : `the variant ${variant} of `}${op} has no type ${elementType}: it has ${known.join(', ')}`;
  },
};

/** A GPU has no threads to choose: a number would make rows that differ in nothing. */
const threadsOfCpu = refuse(
  ['device', 'threads'],
  ({ device, threads }) => threads !== null && String(device).split(':')[0] === 'cuda',
  'threads are of the CPU: leave them out for ops on a GPU',
);

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

/**
 * What numbers of a shape have to be to each other; those that the sweep does not name are as the op has
 * them.
 */
const consistent = OPS.flatMap(({ name, parameters, constraints }) =>
  constraints.map((constraint): Rule => {
    const { parameter, bound, sentence } = constraint;
    const involved = typeof bound === 'string' ? [parameter, bound] : [parameter];
    return {
      axes: ['op', ...involved.map(axisOf)],
      reason(values) {
        const sizeOf = (wanted: string): number =>
          numberOn(values, axisOf(wanted)) ?? parameters.find((own) => own.name === wanted)!.fallback;
        return values.op !== name || fulfils(sizeOf, constraint) ? null : sentence;
      },
    };
  }),
);

/** An op of our own native library, checked and then timed; no model is run. */
export const kernel = {
  kind: 'kernel',
  summary: 'an op of the native library at a shape: checked against its reference, then timed call by call',
  options: z.strictObject({
    op: z.enum(NAMES).default('gemv').describe('What is computed; `ridge kernels list` explains each.'),
    variant: z
      .enum([BEST, ...VARIANTS])
      .default(BEST)
      .describe('How; `best` takes the one that asks most of the processor or GPU it runs on.'),
    elementType: z.enum(OP_TYPES).default('f16').describe('What weights, keys and values are stored as.'),
    cacheState: z
      .enum(['cold', 'warm'])
      .default('cold')
      .describe('Whether inputs come from memory at each call, or from the caches where they fit.'),
    ...Object.fromEntries(
      SHAPE_AXES.map(({ name, least, most, help }) => [
        name,
        orNull(integerBetween(least, most)).describe(help),
      ]),
    ),
  }),
  needs: 'op',
  lessMemory: 'Choose a smaller shape.',
  objectives: [{ metric: 'decodeTokensPerSecond', better: 'max' }],
  gives: {
    kernel: EVERY_ROW,
  },
  keyMetrics: ['kernelSeconds', 'achievedBytesPerSecond', 'achievedFlopsPerSecond'],
  withinContext: () => ({}),
  rules: [variantExists, typeExists, threadsOfCpu, ...inRange, ...consistent],
  alsoKnownAs: {},
} satisfies WorkloadKind;
