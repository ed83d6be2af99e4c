import type {
  AttentionShape,
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
  return {
    ...architecture,
    embeddingBits: BF16_BITS,
    outputBits: BF16_BITS,
    vectorBits: BF16_BITS,
    layers: architecture.layers.map(
      (group): LayerGroup => ({
        ...group,
        attention: servedAttention(group.attention, own.attention),
        feedForward: servedFeedForward(group.feedForward, own),
      }),
    ),
  };
}

const BF16_BITS = 16;

function servedAttention(shape: AttentionShape, format: NumberFormat): AttentionShape {
  const served = withFormat(shape, format) as AttentionShape;
  return served.kind === 'dot-product' && served.sparse === null ? { ...served, fused: true } : served;
}

function servedFeedForward(shape: FeedForwardShape, formats: ServedFormats): FeedForwardShape {
  const { experts } = shape;
  const matrices = withFormat(
    shape,
    experts === null ? formats.feedForward : formats.experts,
  ) as FeedForwardShape;
  return {
    ...matrices,
    fused: shape.gate !== null,
    experts:
      experts === null
        ? null
        : {
            ...experts,
            router: inFormat(experts.router, 'bf16'),
            sharedStored: storedIn(formats.shared),
          },
  };
}

/** Every matrix below a value. */
function withFormat(value: unknown, format: NumberFormat): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if ('inputs' in value && 'outputs' in value && 'bits' in value)
    return inFormat(value as MatrixShape, format);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withFormat(inner, format)]));
}

function inFormat(matrix: MatrixShape, format: NumberFormat): MatrixShape {
  return {
    ...matrix,
    ...storedIn(format),
    type: undefined,
    packed: undefined,
  };
}

function storedIn(format: NumberFormat): Pick<MatrixShape, 'bits' | 'format'> {
  return { bits: 8 * FORMATS[format].weightBytes, format };
}
