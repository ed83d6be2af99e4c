import { type Reading, refused } from '../input/reading.js';
import { nearest } from '../input/suggest.js';
import { fulfils, type OpFacts, type OpType, shapeOf } from './op.js';

/** @returns the op of a name, or a sentence with the nearest name. */
export function findOp(ops: readonly OpFacts[], name: string): Reading<OpFacts> {
  return find(
    'op',
    ops.map((op) => op.name),
    name,
    (i) => ops[i]!,
  );
}

/** @returns the variants of an op that a word names: all, or one. */
export function findVariants(op: OpFacts, asked: string): Reading<OpFacts['variants']> {
  if (asked === 'all') return { ok: true, value: op.variants };
  const names = op.variants.map(({ name }) => name);
  return find(`variant of ${op.name}`, names, asked, (i) => [op.variants[i]!]);
}

/** @returns the types of an op that a word names: all, or one. */
export function findTypes(op: OpFacts, asked: string): Reading<readonly OpType[]> {
  if (asked === 'all') return { ok: true, value: op.types };
  return find(`type of ${op.name}`, op.types, asked, (i) => [op.types[i]!]);
}

/**
 * Reads a shape: `rows=4096,columns=11008`; what is not named is at its fallback.
 * @returns one number for each parameter of the op, in its order.
 */
export function readShape(op: OpFacts, text: string): Reading<number[]> {
  const given = new Map<string, number>();
  for (const asked of text.split(',').filter((part) => part.trim() !== '')) {
    const [name = '', value = ''] = asked.split('=').map((part) => part.trim());
    const names = op.parameters.map((parameter) => parameter.name);
    const known = find(`parameter of ${op.name}`, names, name, (i) => op.parameters[i]!);
    if (!known.ok) return known;
    const { least, most } = known.value;
    const number = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) {
      return refused(
        `${name} is ${value === '' ? 'without a value' : value}, and it goes from ${least} to ${most}`,
      );
    }
    if (given.has(name)) return refused(`${name} is there twice`);
    given.set(name, number);
  }
  const shape = shapeOf(op, Object.fromEntries(given));
  const sizeOf = (name: string): number => shape[op.parameters.findIndex((own) => own.name === name)]!;
  const broken = op.constraints.find((constraint) => !fulfils(sizeOf, constraint));
  return broken === undefined ? { ok: true, value: shape } : refused(broken.sentence);
}

function find<T>(what: string, names: readonly string[], asked: string, value: (i: number) => T): Reading<T> {
  const at = names.indexOf(asked);
  if (at >= 0) return { ok: true, value: value(at) };
  const near = nearest(asked, names);
  const rest = near === null ? `there are ${names.join(', ')}` : `did you mean ${near}?`;
  return refused(`there is no ${what} called ${asked === '' ? 'nothing' : asked}: ${rest}`);
}
