import type {
  AttentionShape,
  DotProductAttention,
  FeedForwardShape,
  GatedDeltaAttention,
  LatentAttention,
  LayerGroup,
  ModelArchitecture,
} from '../architecture.js';
import { convolvedWidth } from '../kept.js';
import { replicasOf } from '../pass/devices.js';
import { keysInReach } from '../pass/pairs.js';
import type { WorkSetting } from '../pass/setting.js';
import type { Step } from './liveness.js';

/** A pass as memory sees it: sizes in bytes for a width, and what the widths are. */
interface Sizes {
  readonly setting: WorkSetting;
  readonly embedding: number;
  readonly tokens: number;
  /** Bytes of a row of so many elements for each new token. */
  readonly rows: (width: number, count?: number) => number;
}

/** The steps of one layer, in the order in which they run. `x` is the residual before, `y` behind it. */
export function layerSteps(
  { embedding, encoder }: ModelArchitecture,
  { attention, feedForward, norms }: LayerGroup,
  setting: WorkSetting,
  tokens: number,
): Step[] {
  const bytes = setting.activationBits / 8;
  const sizes: Sizes = {
    setting,
    embedding,
    tokens,
    rows: (width, count = tokens) => width * count * bytes,
  };
  const whole = sizes.rows(embedding);
  // Where there is one norm, attention and feed-forward read the same input.
  const shared = norms.perLayer === 1;
  return [
    { name: 'attn_norm', reads: ['x'], writes: [['normed', whole]] },
    ...attentionSteps(sizes, attention, encoder === undefined),
    { name: 'o_proj', reads: ['attended'], writes: [['attention', whole]] },
    { name: 'attn_add', reads: ['x', 'attention'], writes: [['x1', whole]], inPlace: true },
    ...(shared ? [] : [{ name: 'mlp_norm', reads: ['x1'], writes: [['normed2', whole]] } satisfies Step]),
    ...feedForwardSteps(sizes, feedForward, shared ? 'normed' : 'normed2'),
    { name: 'mlp_add', reads: ['x1', 'mlp'], writes: [['y', whole]], inPlace: true },
    { name: 'next', reads: ['y'], writes: [] },
  ];
}

function attentionSteps(sizes: Sizes, attention: AttentionShape, keeps: boolean): Step[] {
  switch (attention.kind) {
    case 'latent':
      return latentSteps(sizes, attention);
    case 'gated-delta':
      return gatedDeltaSteps(sizes, attention);
    case 'dot-product':
      return headSteps(sizes, attention, keeps);
  }
}

/** What is convolved takes the place of what went in. */
function gatedDeltaSteps({ rows }: Sizes, shape: GatedDeltaAttention): Step[] {
  const values = rows(shape.heads * shape.valueLength);
  const convolved = rows(convolvedWidth(shape));
  return [
    { name: 'qkv_proj', reads: ['normed'], writes: [['qkv', convolved]] },
    { name: 'z_proj', reads: ['normed'], writes: [['z', values]] },
    { name: 'convolution', reads: ['qkv'], writes: [['convolved', convolved]], inPlace: true },
    { name: 'delta_rule', reads: ['convolved'], writes: [['ruled', values]] },
    { name: 'gated_norm', reads: ['ruled', 'z'], writes: [['attended', values]], inPlace: true },
  ];
}

/**
 * @param keeps keys and values go into a cache, which is counted elsewhere; otherwise they stay until
 *   attention has read them.
 */
function headSteps(sizes: Sizes, shape: DotProductAttention, keeps: boolean): Step[] {
  const { heads, kvHeads, keyLength, valueLength, fused, window } = shape;
  const { rows } = sizes;
  const q = ['q', rows(shape.query.outputs)] as const;
  const k = ['k', rows(kvHeads * keyLength)] as const;
  const v = ['v', rows(kvHeads * valueLength)] as const;
  return [
    ...(fused
      ? [{ name: 'qkv_proj', reads: ['normed'], writes: [q, k, v] }]
      : [
          { name: 'q_proj', reads: ['normed'], writes: [q] },
          { name: 'k_proj', reads: ['normed'], writes: [k] },
          { name: 'v_proj', reads: ['normed'], writes: [v] },
        ]),
    ...(keeps ? [{ name: 'cache_store', reads: ['k', 'v'], writes: [] } satisfies Step] : []),
    ...scoreSteps(sizes, 'q', heads, heads * valueLength, window).map((step) =>
      keeps ? step : { ...step, reads: [...step.reads, 'k', 'v'] },
    ),
  ];
}

/** With scores in memory, the softmax takes their place. */
function scoreSteps(
  { setting, rows }: Sizes,
  query: string,
  heads: number,
  width: number,
  window: number | null,
): Step[] {
  const attended = ['attended', rows(width)] as const;
  if (setting.attention.kind === 'flash') return [{ name: 'attention', reads: [query], writes: [attended] }];
  const masking = { ...setting.attention, skips: false };
  const pairs = setting.batch.reduce((sum, { sequences, newTokens, cachedTokens }) => {
    return sum + sequences * newTokens * keysInReach({ newTokens, cachedTokens, window }, masking);
  }, 0);
  return [
    { name: 'qk_matmul', reads: [query], writes: [['scores', rows(heads, pairs)]] },
    { name: 'sv_matmul', reads: ['scores'], writes: [attended] },
  ];
}

function latentSteps(sizes: Sizes, shape: LatentAttention): Step[] {
  const { heads, kvRank, queryRank, ropeLength, headLength, valueLength } = shape;
  const { rows, setting } = sizes;
  const absorbs =
    shape.index !== undefined ||
    (setting.attention.latent ?? (setting.phase === 'prefill' ? 'naive' : 'absorbed')) === 'absorbed';
  const seen = setting.batch.reduce((sum, g) => sum + g.sequences * (g.cachedTokens + g.newTokens), 0);
  const query = ['q', rows(heads * (headLength + ropeLength))] as const;
  const projections: Step[] =
    queryRank === null
      ? [{ name: 'q_proj', reads: ['normed'], writes: [query] }]
      : [
          { name: 'q_a_proj', reads: ['normed'], writes: [['q_a', rows(queryRank)]] },
          { name: 'q_b_proj', reads: ['q_a'], writes: [query] },
        ];
  const latents: Step[] = [
    { name: 'kv_a_proj', reads: ['normed'], writes: [['latent', rows(kvRank + ropeLength)]] },
    { name: 'cache_store', reads: ['latent'], writes: [] },
  ];
  if (!absorbs) {
    const expanded = ['kv', rows(heads * (headLength + valueLength), seen)] as const;
    const steps = scoreSteps(sizes, 'q', heads, heads * valueLength, null);
    return [
      ...projections,
      ...latents,
      { name: 'kv_b_proj', reads: [], writes: [expanded] },
      ...steps.map((step) => ({ ...step, reads: [...step.reads, 'kv'] })),
    ];
  }
  return [
    ...projections,
    ...latents,
    { name: 'q_absorb', reads: ['q'], writes: [['q_latent', rows(heads * (kvRank + ropeLength))]] },
    ...scoreSteps(sizes, 'q_latent', heads, heads * kvRank, null).map((step) => renamed(step)),
    { name: 'v_absorb', reads: ['attended_latent'], writes: [['attended', rows(heads * valueLength)]] },
  ];
}

/** What attention gives is in the space of the latents still. */
function renamed(step: Step): Step {
  return {
    ...step,
    writes: step.writes.map(([name, bytes]) => [name === 'attended' ? 'attended_latent' : name, bytes]),
  };
}

function feedForwardSteps(sizes: Sizes, shape: FeedForwardShape, input: string): Step[] {
  const { rows, tokens, embedding } = sizes;
  const { gate, up, experts, fused } = shape;
  // Where experts are spread, each device has its share of what the tokens of all of them chose.
  const { parallelism } = sizes.setting;
  const meeting = tokens * replicasOf(parallelism);
  const copies = experts === null ? tokens : (meeting * experts.usedPerToken) / parallelism.expert;
  const half = rows(up.outputs, copies);
  const into: Step[] =
    gate === null || fused
      ? [{ name: 'up_proj', reads: [input], writes: [['up', (fused ? 2 : 1) * half]] }]
      : [
          { name: 'gate_proj', reads: [input], writes: [['gate', half]] },
          { name: 'up_proj', reads: [input], writes: [['up', half]] },
        ];
  const shared = experts !== null && experts.sharedWidth > 0;
  return [
    ...into,
    {
      name: 'mlp_act',
      reads: gate === null || fused ? ['up'] : ['gate', 'up'],
      writes: [['act', half]],
      inPlace: !fused,
    },
    { name: 'down_proj', reads: ['act'], writes: [['down', rows(embedding, copies)]] },
    // The experts' results are summed up; those of shared experts come after the chosen ones.
    ...(shared
      ? ([
          { name: 'shared_up_proj', reads: [input], writes: [['shared', 2 * rows(experts.sharedWidth)]] },
          { name: 'shared_down_proj', reads: ['shared'], writes: [['shared_down', rows(embedding)]] },
        ] satisfies Step[])
      : []),
    {
      name: 'mlp_sum',
      reads: shared ? ['down', 'shared_down'] : ['down'],
      writes: [['mlp', rows(embedding)]],
      inPlace: true,
    },
  ];
}
