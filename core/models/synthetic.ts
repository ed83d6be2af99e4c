import { nearest } from '../input/suggest.js';
import { ARCHITECTURES, type LatentShape, type ModelShape, SHAPES } from './shapes.js';

/** Types that random weights are written in; every other quantization is made from one of the first three. */
export const SYNTHETIC_TYPES = ['f16', 'bf16', 'f32', 'q8_0', 'q4_0'] as const;
export type SyntheticType = (typeof SYNTHETIC_TYPES)[number];

/** A model of random weights: the same three give the same file, byte by byte. */
export interface SyntheticModel {
  readonly shape: ModelShape;
  readonly type: SyntheticType;
  readonly seed: number;
}

export type SyntheticReading =
  | { readonly ok: true; readonly model: SyntheticModel }
  | { readonly ok: false; readonly reason: string; readonly hint: string };

/** Why no quality can be said of a synthetic model; the reason in a record's `absent.quality`. */
export const NO_QUALITY = 'the model is synthetic: its weights are random, so its answers mean nothing';

const SCHEME = 'synthetic:';
/** Elements in one block of q8_0 and q4_0. */
const BLOCK = 32;

interface Limits {
  readonly least: number;
  readonly most: number;
}
/** What a parameter may be. The limits are above every model that is published, and keep arithmetic exact. */
const NUMBERS = {
  layers: { least: 1, most: 1024 },
  embedding: { least: 32, most: 65_536 },
  heads: { least: 1, most: 1024 },
  kvHeads: { least: 1, most: 1024 },
  headLength: { least: 2, most: 1024 },
  kvRank: { least: 2, most: 65_536 },
  queryRank: { least: 2, most: 65_536 },
  ropeLength: { least: 2, most: 1024 },
  feedForward: { least: 32, most: 1_048_576 },
  vocabulary: { least: 32, most: 2_097_152 },
  contextLength: { least: 1, most: 16_777_216 },
  ropeBase: { least: 1, most: 1_000_000_000 },
  seed: { least: 0, most: 2 ** 32 - 1 },
} as const satisfies Record<string, Limits>;
type NumberName = keyof typeof NUMBERS;
const NAMES: readonly string[] = [...Object.keys(NUMBERS), 'tied', 'type'];
const FORM =
  'Write synthetic:llama-3.2-1b, or synthetic:llama?layers=8&embedding=512; seed=7 and type=q4_0 may follow.';

/** @returns whether a source names a synthetic model. */
export function isSynthetic(source: string): boolean {
  return source.startsWith(SCHEME);
}

/**
 * Reads `synthetic:NAME?parameter=value&…`. NAME is a published shape, any part of which may be changed, or
 * an architecture, whose layers and embedding have to be given; what is left out then follows from the
 * embedding as in the Llama models (heads of 64, 8/3 of it in the feed-forward), and the ranks of latent
 * attention from the length of a head as in DeepSeek-V2.
 */
export function readSynthetic(source: string): SyntheticReading {
  const [name = '', query = ''] = source.slice(SCHEME.length).split(/\?(.*)/s);
  const given = new Map<string, string>();
  for (const pair of query === '' ? [] : query.split('&')) {
    const [key = '', value = ''] = pair.split(/=(.*)/s);
    if (!NAMES.includes(key))
      return rejected(source, `has no parameter ${JSON.stringify(key)}`, suggestion(key, NAMES));
    if (given.has(key)) return rejected(source, `gives ${key} twice`, FORM);
    given.set(key, value);
  }
  const numbers = new Map<NumberName, number>();
  for (const key of Object.keys(NUMBERS) as NumberName[]) {
    const text = given.get(key);
    if (text === undefined) continue;
    const { least, most } = NUMBERS[key];
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most))
      return rejected(source, `has ${key}=${text}`, `${key} is a whole number from ${least} to ${most}.`);
    numbers.set(key, value);
  }
  const tied = given.get('tied');
  if (tied !== undefined && tied !== 'true' && tied !== 'false')
    return rejected(source, `has tied=${tied}`, 'tied is true or false.');
  const type = given.get('type') ?? 'f16';
  if (!isType(type))
    return rejected(
      source,
      `has type=${type}`,
      `type is ${SYNTHETIC_TYPES.join(', ')}; a sweep’s quantization makes others from f16.`,
    );

  const base = SHAPES.get(name) ?? inlineShape(name, numbers);
  if (base === null) {
    const known = [...SHAPES.keys(), ...ARCHITECTURES];
    return rejected(source, `names no shape that is known, ${JSON.stringify(name)}`, suggestion(name, known));
  }
  if (typeof base === 'string') return rejected(source, base, FORM);
  const { seed = 1, kvRank, queryRank, ropeLength, ...changes } = Object.fromEntries(numbers);
  const ranks = { kvRank, queryRank, ropeLength };
  const named = Object.entries(ranks).find(([, value]) => value !== undefined);
  if (named !== undefined && base.latent === null)
    return rejected(source, `gives ${named[0]} to ${base.architecture}, whose attention is not latent`, FORM);
  const shape: ModelShape = {
    ...base,
    ...changes,
    ...(tied === undefined ? {} : { tied: tied === 'true' }),
    latent: base.latent === null ? null : latentShape(changes.headLength ?? base.headLength, ranks),
  };
  const flaw = flawOf(shape, type);
  return flaw === null ? { ok: true, model: { shape, type, seed } } : rejected(source, flaw, FORM);
}

/** @returns null when the name is no architecture, a sentence when something is missing. */
function inlineShape(name: string, numbers: ReadonlyMap<NumberName, number>): ModelShape | string | null {
  const architecture = ARCHITECTURES.find((known) => known === name);
  if (architecture === undefined) return null;
  const layers = numbers.get('layers');
  const embedding = numbers.get('embedding');
  if (layers === undefined || embedding === undefined) return 'has to give layers and embedding';
  const headLength = numbers.get('headLength') ?? 64;
  const heads = numbers.get('heads') ?? Math.max(1, Math.floor(embedding / headLength));
  return {
    architecture,
    layers,
    embedding,
    heads,
    kvHeads: heads,
    headLength,
    latent: architecture === 'deepseek2' ? latentShape(headLength, {}) : null,
    feedForward: Math.ceil((embedding * 8) / 3 / 256) * 256,
    vocabulary: 32_000,
    contextLength: 4096,
    ropeBase: 10_000,
    rmsEpsilon: 1e-5,
    tied: false,
    ropeFactors: false,
  };
}

/**
 * What is not given is in proportion to a head as in DeepSeek-V2: 128 elements, ranks of 512 and 1536, 64
 * with positions.
 */
function latentShape(
  headLength: number,
  given: { readonly [K in keyof LatentShape]?: number | undefined },
): LatentShape {
  return {
    kvRank: given.kvRank ?? 4 * headLength,
    queryRank: given.queryRank ?? 12 * headLength,
    ropeLength: given.ropeLength ?? Math.max(2, 2 * Math.floor(headLength / 4)),
  };
}

/** What no engine could run, in words that follow the source; null when there is nothing. */
function flawOf(shape: ModelShape, type: SyntheticType): string | null {
  const { heads, kvHeads, headLength, embedding, feedForward, latent } = shape;
  if (latent !== null) {
    if (kvHeads !== heads) return 'gives kvHeads, and latent attention keeps one vector for all heads';
    if (latent.ropeLength % 2 !== 0)
      return `has ropeLength ${latent.ropeLength}; positions turn pairs of elements`;
    // llama.cpp src/models/deepseek2.cpp: by these numbers it takes a model for a lite variant.
    if ([26, 27].includes(shape.layers) || (shape.layers === 48 && shape.vocabulary === 128_256))
      return `has ${shape.layers} layers, which llama.cpp reads as a lite variant without queryRank`;
  }
  if (heads % kvHeads !== 0)
    return `has ${heads} heads, which ${kvHeads} key/value heads cannot share evenly`;
  if (headLength % 2 !== 0) return `has heads of ${headLength} elements; positions turn pairs of them`;
  if (type !== 'q8_0' && type !== 'q4_0') return null;
  for (const [what, row] of [
    ['embedding', embedding],
    ['heads × headLength', heads * headLength],
    ['feedForward', feedForward],
    ['headLength', latent === null ? 0 : headLength],
    ['kvRank', latent?.kvRank ?? 0],
    ['queryRank', latent?.queryRank ?? 0],
  ] as const) {
    if (row % BLOCK !== 0) return `has ${what} ${row}, and ${type} keeps blocks of ${BLOCK}`;
  }
  return null;
}

function isType(type: string): type is SyntheticType {
  return (SYNTHETIC_TYPES as readonly string[]).includes(type);
}

function suggestion(name: string, known: readonly string[]): string {
  const close = nearest(name, known);
  return `${close === null ? '' : `Did you mean ${close}? `}Known are ${known.join(', ')}.`;
}

function rejected(source: string, what: string, hint: string): SyntheticReading {
  return { ok: false, reason: `${JSON.stringify(source)} ${what}`, hint };
}
