import type {
  FeedForwardShape,
  LayerGroup,
  MatrixShape,
  ModelArchitecture,
} from '../../core/work/architecture.js';
import type { NumberFormat } from '../../core/work/operator-call.js';
import { FORMATS } from '../operators/number-format.js';

/**
 * What the matrices of layers are served in. Embedding, routers and output stay bf16, as checkpoints have
 * them.
 */
export interface ServedFormats {
  readonly attention: NumberFormat;
  /** Of layers without experts, and experts that every token passes. */
  readonly feedForward: NumberFormat;
  readonly shared: NumberFormat;
  readonly experts: NumberFormat;
}

/**
 * Checkpoints of mixtures in these keep everything but the chosen experts in bf16 (gpt-oss, Kimi-K2.5,
 * NVFP4).
 */
const EXPERTS_ALONE: readonly NumberFormat[] = ['nvfp4', 'mxfp4', 'mxfp4-mxfp8', 'int4'];

/** @returns what a checkpoint in a format usually has in it. */
export function usualFormats({ layers }: ModelArchitecture, format: NumberFormat): ServedFormats {
  const mixture = layers.some(({ feedForward }) => feedForward.experts !== null);
  const rest = mixture && EXPERTS_ALONE.includes(format) ? 'bf16' : format;
  return {
    attention: rest,
    feedForward: rest,
    shared: rest,
    experts: format,
  };
}

/**
 * The model as an engine on a GPU serves it: every matrix in a format, and Q, K and V, gate and up each as
 * one matrix.
 */
export function servedIn(
  architecture: ModelArchitecture,
  formats: NumberFormat | ServedFormats,
): ModelArchitecture {
  const own = typeof formats === 'string' ? usualFormats(architecture, formats) : formats;
  return fused(
    architecture,
    architecture.layers.map(
      (group): LayerGroup => ({
        ...group,
        attention: eachStored(group.attention, inFormat(own.attention)),
        feedForward: feedForwardIn(group.feedForward, own),
      }),
    ),
  );
}

/**
 * The same of a model whose matrices stay as they are kept.
 * @returns null where some are kept in what no engine on a GPU multiplies, or in bits that several formats
 *   have.
 */
export function servedAsKept(architecture: ModelArchitecture): ModelArchitecture | null {
  let known = true;
  const layers = eachStored(architecture.layers, (stored) => {
    const format = formatOf(stored);
    if (format === null) known = false;
    return { ...stored, format: format ?? undefined };
  });
  return known ? fused(architecture, layers) : null;
}

/** Formats that are told by their bits; 4.5 are nvfp4 and int4 in groups of 32. */
const TOLD_BY_BITS: readonly NumberFormat[] = ['bf16', 'fp8', 'fp8-block', 'mxfp4'];
const FLOATS: readonly (string | undefined)[] = [undefined, 'f16', 'bf16'];

/** A matrix, or how the shared experts are kept. */
type Stored = Pick<MatrixShape, 'bits' | 'format' | 'type' | 'packed'>;
const isStored = (value: object): value is Stored => 'bits' in value;

/** @returns the same with every matrix in it changed. */
function eachStored<Value>(value: Value, change: (stored: Stored) => Stored): Value {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((inner) => eachStored(inner, change)) as Value;
  if (isStored(value)) return change(value) as Value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, eachStored(inner, change)]),
  ) as Value;
}

function formatOf({ bits, type, packed, format }: Stored): NumberFormat | null {
  if (format !== undefined) return format;
  if (!FLOATS.includes(type) || packed !== undefined) return null;
  return TOLD_BY_BITS.find((format) => Math.abs(8 * FORMATS[format].weightBytes - bits) < SAME_BITS) ?? null;
}

/** A scale for each block of 128 × 128 adds 0.002 bits. */
const SAME_BITS = 1e-3;

function fused(architecture: ModelArchitecture, layers: readonly LayerGroup[]): ModelArchitecture {
  return {
    ...architecture,
    embeddingBits: BF16_BITS,
    outputBits: BF16_BITS,
    vectorBits: BF16_BITS,
    layers: layers.map(
      ({ attention, feedForward, ...group }): LayerGroup => ({
        ...group,
        attention:
          attention.kind === 'dot-product' && attention.sparse !== null
            ? attention
            : { ...attention, fused: true },
        feedForward: { ...feedForward, fused: feedForward.gate !== null },
      }),
    ),
  };
}

const BF16_BITS = 16;

function feedForwardIn(shape: FeedForwardShape, formats: ServedFormats): FeedForwardShape {
  const { experts } = shape;
  const matrices = eachStored(shape, inFormat(experts === null ? formats.feedForward : formats.experts));
  return {
    ...matrices,
    experts:
      experts === null
        ? null
        : {
            ...experts,
            router: eachStored(experts.router, inFormat('bf16')),
            sharedStored: storedIn(formats.shared),
          },
  };
}

const inFormat =
  (format: NumberFormat) =>
  (stored: Stored): Stored => ({
    ...stored,
    ...storedIn(format),
    type: undefined,
    packed: undefined,
  });

function storedIn(format: NumberFormat): Pick<MatrixShape, 'bits' | 'format'> {
  return { bits: 8 * FORMATS[format].weightBytes, format };
}
