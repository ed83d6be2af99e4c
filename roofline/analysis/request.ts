import { bytesPerElement } from '../../core/techniques/tensor-types.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import { checkedSetting } from '../../core/work/pass/check.js';
import { replicasOf } from '../../core/work/pass/devices.js';
import {
  type AdapterSetting,
  type AttentionKernel,
  FLASH,
  type KernelSetting,
  type PassRequest,
  UNFUSED,
} from '../../core/work/pass/setting.js';
import type { Ceilings } from '../ceilings.js';
import { type Bits, storedIn } from './bits.js';
import { impossible } from './impossible.js';
import type { AnalysisPoint } from './point.js';
import { packedWeights, readPacked } from './sparsity-word.js';

/** The passes of a point, each of one micro-batch of one group of devices. */
export interface PointRequests {
  readonly prefill: PassRequest;
  /** A decode step in which each sequence has this many tokens. */
  stepAt(tokens: number): PassRequest;
}

/** Matrices with adapters, by their operators; experts have none. */
const ADAPTED = ['q', 'k', 'v', 'o', 'qkv', 'q_a', 'q_b', 'kv_a', 'gate', 'up', 'gate_up', 'down'].map(
  (name) => `${name}_proj`,
);

/**
 * @param kernels null where no engine was asked for.
 * @throws FailureError `impossible-combination` with one sentence about what cannot be
 */
export function requestsOf(
  point: AnalysisPoint,
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  bits: Bits,
  kernels: KernelSetting | null,
): PointRequests {
  const { batch, context, decodes, tokensPerStep } = point;
  const prompt = point.promptTokens ?? context;
  const common = {
    ...commonOf(point, architecture, ceilings, bits),
    // Formats of an engine stand at each matrix.
    ...(kernels === null ? {} : { kernels, weights: null }),
  };
  checkedSetting(architecture, {
    ...common,
    phase: 'decode',
    batch: [{ sequences: batch, newTokens: 1, cachedTokens: 0 }],
  });
  checkLinks(point, ceilings);
  const parts = replicasOf(common.parallelism) * point.microBatches;
  const sequences = dividedEvenly(batch, 'sequence', point, parts);
  const riding = decodes === 0 ? 0 : dividedEvenly(decodes, 'decoding sequence', point, parts);
  return {
    prefill: {
      ...common,
      phase: 'prefill',
      batch: [
        { sequences, newTokens: prompt, cachedTokens: context - prompt },
        ...(riding === 0 ? [] : [{ sequences: riding, newTokens: 1, cachedTokens: context - 1 }]),
      ],
    },
    stepAt: (tokens) => ({
      ...common,
      phase: 'decode',
      batch: [{ sequences, newTokens: tokensPerStep, cachedTokens: Math.max(0, tokens - tokensPerStep) }],
      logits: 'all',
    }),
  };
}

type Common = Omit<PassRequest, 'phase' | 'batch'> & Required<Pick<PassRequest, 'parallelism'>>;

function commonOf(
  point: AnalysisPoint,
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  bits: Bits,
): Common {
  const stored = storedIn(bits);
  const packed = readPacked(point.sparsity) ?? null;
  const typed = (type: string | null) => (type === null ? bits.cache : 8 * bytesPerElement(type));
  const cacheBits = { key: typed(point.kvCacheTypeK), value: typed(point.kvCacheTypeV) };
  return {
    ...stored,
    ...(packed === null ? {} : { weights: packedWeights(architecture, packed, bits.weights) }),
    cacheBits,
    attention: attentionOf(point, architecture, ceilings, Math.max(cacheBits.key, cacheBits.value)),
    parallelism: {
      tensor: point.tensorParallel,
      pipeline: point.pipelineParallel,
      expert: point.expertParallel,
    },
    adapter: adapterOf(point),
    offloadedLayers: point.offload,
    distinctExperts: point.distinctExperts,
  };
}

function adapterOf({ adapterRank: rank, adapters: distinct }: AnalysisPoint): AdapterSetting | null {
  if (rank > 0) return { rank, targets: ADAPTED, bits: 16, distinct };
  if (distinct === 1) return null;
  throw impossible(`${distinct} adapters of rank 0`, 'Say their rank, too, or leave them out.');
}

/** If the shares of a batch were not whole numbers, the result would be wrong for some devices. */
function dividedEvenly(
  count: number,
  what: string,
  { microBatches, expertParallel, tensorParallel }: AnalysisPoint,
  parts: number,
): number {
  if (count % parts === 0) return count / parts;
  const groups = parts / microBatches;
  const each = [
    ...(groups > 1 ? [`${groups} groups of devices with an attention of their own`] : []),
    ...(microBatches > 1 ? [`${microBatches} micro-batches`] : []),
  ].join(' and ');
  throw impossible(
    `${count} ${what}${count === 1 ? '' : 's'} cannot be shared evenly by ${each}`,
    groups > 1
      ? `Give a multiple of ${parts}, or share the attention, too: experts over ${expertParallel} devices have ${groups} groups when matrices are over ${tensorParallel}.`
      : `Give a multiple of ${parts}, or fewer micro-batches.`,
  );
}

/** Weights in the memory of the host have to be transferred, so the link's rate must be known. */
function checkLinks({ offload, hardware }: AnalysisPoint, { origin, hostBytesPerSecond }: Ceilings): void {
  if (offload === 0 || hostBytesPerSecond !== null) return;
  throw impossible(
    `${hardware} has no ${origin} link to a host, and weights that are kept there have to come over one`,
    'Leave the offload out, or name a device with a link (`ridge roofline --list --json` shows hostBytesPerSecond).',
  );
}

/**
 * Blocks of queries of one head run at the same time and share its K and V if these fit into the last-level
 * cache; otherwise each block reads them again. A cache of unknown size is assumed to be large enough.
 */
function attentionOf(
  { flashAttention, context }: AnalysisPoint,
  { layers }: ModelArchitecture,
  { onChipBytes }: Ceilings,
  cacheBits: number,
): AttentionKernel {
  if (!flashAttention) return UNFUSED;
  const widest = Math.max(
    ...layers.map(({ attention }) =>
      attention.kind === 'latent'
        ? attention.headLength + attention.ropeLength + attention.valueLength
        : attention.keyLength + attention.valueLength,
    ),
  );
  const held = (context * widest * cacheBits) / 8 <= (onChipBytes ?? Number.POSITIVE_INFINITY);
  return held ? { ...FLASH, queryBlock: null } : FLASH;
}
