import type { AttentionShape, FeedForwardShape, LayerGroup, ModelArchitecture } from './architecture.js';
import { dotProduct } from './pass/attention.js';
import { checkedSetting } from './pass/check.js';
import { dense } from './pass/dense.js';
import { norm, residual } from './pass/elementwise.js';
import { experts } from './pass/experts.js';
import { gatedDelta } from './pass/gated-delta.js';
import { heldLayerBytes } from './pass/held-weights.js';
import { latent } from './pass/latent.js';
import type { LayerPass } from './pass/layer-pass.js';
import { merged, operator, repeated } from './pass/operators.js';
import { logitRowsOf, newTokensOf, type PassRequest, type WorkSetting } from './pass/setting.js';
import {
  attentionCollective,
  dispatched,
  feedForwardCollective,
  shardOf,
  stageCollective,
} from './pass/sharding.js';
import { type Stage, stagesCut, stagesOf } from './pass/stages.js';
import { embed, logits, selectRows } from './pass/vocabulary.js';
import type { OperatorWork, PassWork } from './work.js';

/**
 * Counts what one pass asks of one device: FLOPs and bytes of every operator, in the order in which they run.
 * Defaults of a request are in pass/setting.ts. With pipeline stages it is the way of a batch through all of
 * them.
 * @throws FailureError `impossible-combination` with one sentence about what cannot be.
 */
export function passWork(architecture: ModelArchitecture, request: PassRequest): PassWork {
  const stages = stageWorks(architecture, request);
  return { phase: request.phase, operators: merged(stages.flatMap(({ operators }) => operators)) };
}

/**
 * Counts what the pass asks of a device of each pipeline stage, in the order in which a batch goes through
 * them.
 * @param layers of each stage, where an engine cuts them otherwise than evenly.
 * @throws FailureError as passWork does.
 */
export function stageWorks(
  architecture: ModelArchitecture,
  request: PassRequest,
  layers?: readonly number[],
): PassWork[] {
  const setting = asComputed(architecture, checkedSetting(architecture, request));
  const shard = shardOf(architecture, setting.parallelism);
  const stages =
    layers === undefined ? stagesOf(shard, setting.parallelism.pipeline) : stagesCut(shard, layers);
  const tokens = newTokensOf(setting.batch);
  const rows = logitRowsOf(setting);
  const pass: LayerPass = {
    ...setting,
    embedding: shard.embedding,
    norm: shard.norm,
    vectorBits: shard.vectorBits,
    positions: shard.positions,
    keeps: shard.encoder === undefined,
    activationBytes: setting.activationBits / 8,
    tokens,
    feedForwardTokens: tokens,
  };
  return stages.map((stage) => {
    const operators = [
      ...(stage.first ? embed(pass, shard) : []),
      ...layersOf(pass, stage, rows),
      ...offload(pass, shard, stage),
      ...(!stage.last ? stageCollective(pass) : shard.encoder === undefined ? logits(pass, shard, rows) : []),
    ];
    return { phase: setting.phase, operators: merged(operators) };
  });
}

/** What of a setting follows from the model. */
function asComputed({ encoder, wholeLastLayer }: ModelArchitecture, setting: WorkSetting): WorkSetting {
  const { attention, trimsLastLayer } = setting;
  return {
    ...setting,
    ...(encoder === undefined ? {} : { attention: { ...attention, causal: false }, logits: 'all' as const }),
    ...(wholeLastLayer === true && trimsLastLayer ? { trimsLastLayer: false, selectsRows: true } : {}),
  };
}

function layersOf(pass: LayerPass, { layers, endsLayers }: Stage, rows: number): OperatorWork[] {
  return layers.flatMap((group, index) => {
    const last = endsLayers && pass.trimsLastLayer && index === layers.length - 1;
    const whole = layer(pass, group).map((work) => repeated(work, group.count - (last ? 1 : 0)));
    if (!last) return whole;
    const trimmed = layer({ ...pass, feedForwardTokens: rows }, group);
    return [...(group.count > 1 ? whole : []), ...trimmed, selectRows(pass, rows)];
  });
}

const NORM_NAMES = ['attn_norm', 'mlp_norm', 'post_attn_norm', 'post_mlp_norm'] as const;

function layer(pass: LayerPass, { attention, feedForward: forward, norms }: LayerGroup): OperatorWork[] {
  const { tokens, feedForwardTokens } = pass;
  // In the order of their names: the one before attention sees all tokens, the others may see fewer.
  const names = norms.behind === true ? NORM_NAMES.slice(2) : NORM_NAMES;
  const fuses = norms.behind !== true && norms.perLayer > 0;
  const [before, others] = [true, false].map((isBefore) =>
    names
      .slice(0, norms.perLayer)
      .filter((name) => (name === 'attn_norm') === isBefore)
      .map((name) =>
        norm(
          pass,
          name,
          isBefore ? tokens : feedForwardTokens,
          pass.embedding,
          fuses && !name.startsWith('post'),
        ),
      ),
  ) as [OperatorWork[], OperatorWork[]];
  const across = norms.acrossHeads === true;
  const headNorms =
    norms.onQueryAndKey && attention.kind === 'dot-product'
      ? (
          [
            ['q_norm', attention.heads],
            ['k_norm', attention.kvHeads],
          ] as const
        ).map(([name, heads]) =>
          across
            ? norm(pass, name, tokens, heads * attention.keyLength)
            : norm(pass, name, tokens * heads, attention.keyLength),
        )
      : [];
  return [
    ...before,
    ...attentionOf(pass, attention, headNorms),
    ...attentionCollective(pass),
    ...others,
    residual(pass, 'attn_add', feedForwardTokens, fuses),
    ...dispatched(pass, forward),
    ...feedForward(pass, forward),
    ...feedForwardCollective(pass, forward),
    residual(pass, 'mlp_add', feedForwardTokens, fuses),
  ];
}

function attentionOf(
  pass: LayerPass,
  attention: AttentionShape,
  headNorms: readonly OperatorWork[],
): OperatorWork[] {
  switch (attention.kind) {
    case 'latent':
      return latent(pass, attention);
    case 'gated-delta':
      return gatedDelta(pass, attention);
    case 'dot-product':
      return dotProduct(pass, attention, headNorms);
  }
}

/** Weights of layers that are kept elsewhere come over a link once a pass. */
function offload(pass: LayerPass, shard: ModelArchitecture, { layers }: Stage): OperatorWork[] {
  if (pass.offloadedLayers === 0) return [];
  const bytes = layers.reduce((sum, group) => sum + group.count * heldLayerBytes(shard, group, pass), 0);
  return [
    operator({
      name: 'fetch_weights',
      module: 'collective',
      class: 'collective',
      arithmetic: pass.arithmetic.vector,
      linkBytes: pass.offloadedLayers * bytes,
    }),
  ];
}

/** One network for all tokens, or experts with a router before them. */
function feedForward(pass: LayerPass, shape: FeedForwardShape): OperatorWork[] {
  if (shape.experts !== null) return experts(pass, shape, shape.experts);
  return dense(pass, shape, pass.feedForwardTokens);
}
