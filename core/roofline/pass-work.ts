import { FailureError, failure } from '../errors.js';
import type { LayerGroup, ModelArchitecture } from './architecture.js';
import { layerSize } from './model-size.js';
import { dotProduct } from './pass/attention.js';
import { settingFlaw } from './pass/check.js';
import { headNorm, norm, residual } from './pass/elementwise.js';
import { feedForward } from './pass/feed-forward.js';
import { latent } from './pass/latent.js';
import type { LayerPass } from './pass/layer-pass.js';
import { merged, operator, repeated } from './pass/operators.js';
import { attentionCollective, feedForwardCollective, shardOf, stageCollective } from './pass/parallel.js';
import {
  DEFAULT_SETTING,
  logitRowsOf,
  newTokensOf,
  type PassRequest,
  type WorkSetting,
} from './pass/setting.js';
import { embed, logits, selectRows } from './pass/vocabulary.js';
import type { OperatorWork, PassWork } from './work.js';

/**
 * Counts what one pass asks of one device: FLOPs and bytes of every operator, in the order in which they run. Defaults of a
 * request are in pass/setting.ts. With pipeline stages it is the way of a batch through all of them.
 * @throws FailureError `impossible-combination` with one sentence about what cannot be.
 */
export function passWork(architecture: ModelArchitecture, request: PassRequest): PassWork {
  const setting: WorkSetting = { ...DEFAULT_SETTING, ...request };
  const flaw = settingFlaw(architecture, setting);
  if (flaw !== null) {
    const hint = 'Change the setting, or ask of another model.';
    throw new FailureError(
      failure('impossible-combination', `This pass is not possible: ${flaw}.`, { hint }),
    );
  }
  const shard = shardOf(architecture, setting.parallel);
  const tokens = newTokensOf(setting.batch);
  const rows = logitRowsOf(setting);
  const pass: LayerPass = {
    ...setting,
    embedding: shard.embedding,
    norm: shard.norm,
    vectorBits: shard.vectorBits,
    positions: shard.positions,
    activationBytes: setting.activationBits / 8,
    tokens,
    feedForwardTokens: tokens,
  };
  const operators = [
    ...embed(pass, shard),
    ...layersOf(pass, shard, rows),
    ...stageCollective(pass),
    ...offload(pass, shard),
    ...logits(pass, shard, rows),
  ];
  return { phase: setting.phase, operators: merged(operators) };
}

function layersOf(pass: LayerPass, { layers }: ModelArchitecture, rows: number): OperatorWork[] {
  return layers.flatMap((group, index) => {
    const last = pass.trimsLastLayer && index === layers.length - 1;
    const whole = layer(pass, group).map((work) => repeated(work, group.count - (last ? 1 : 0)));
    if (!last) return whole;
    const trimmed = layer({ ...pass, feedForwardTokens: rows }, group);
    return [...(group.count > 1 ? whole : []), ...trimmed, selectRows(pass, rows)];
  });
}

const NORM_NAMES = ['attn_norm', 'mlp_norm', 'post_attn_norm', 'post_mlp_norm'] as const;

function layer(pass: LayerPass, { attention, feedForward: forward, norms }: LayerGroup): OperatorWork[] {
  const { tokens, feedForwardTokens } = pass;
  // In the order of their names: those before attention see all tokens, the others may see fewer.
  const normed = NORM_NAMES.slice(0, norms.perLayer).map((name) =>
    norm(pass, name, name === 'attn_norm' ? tokens : feedForwardTokens),
  );
  const [before, ...others] = normed;
  const headNorms =
    norms.onQueryAndKey && attention.kind === 'dot-product'
      ? [
          headNorm(pass, 'q_norm', attention.heads, attention.keyLength),
          headNorm(pass, 'k_norm', attention.kvHeads, attention.keyLength),
        ]
      : [];
  return [
    ...(before === undefined ? [] : [before]),
    ...(attention.kind === 'latent' ? latent(pass, attention) : dotProduct(pass, attention, headNorms)),
    ...attentionCollective(pass),
    ...others,
    residual(pass, 'attn_add', feedForwardTokens),
    ...feedForward(pass, forward),
    ...feedForwardCollective(pass, forward),
    residual(pass, 'mlp_add', feedForwardTokens),
  ];
}

/** Weights of layers that are kept elsewhere come over a link once a pass. */
function offload(pass: LayerPass, shard: ModelArchitecture): OperatorWork[] {
  if (pass.offloadedLayers === 0) return [];
  const bytes = shard.layers.reduce((sum, group) => sum + group.count * layerSize(shard, group).bytes, 0);
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
