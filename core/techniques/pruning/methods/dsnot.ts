import { layerPatterns } from '../../layer-choice.js';
import { choice, flag, integer, real, type SettingValues } from '../../spelling.js';
import { DSNOT_DEFAULTS, type DsnotSettings, wrongSettings } from '../dsnot/settings.js';
import type { PruningEngine } from '../engine.js';
import type { Choice, Layer } from '../layer.js';
import { regrow } from '../mask.js';
import { type Matrix, rowOf } from '../matrix.js';
import type { Pattern } from '../pattern.js';
import { SCORE_NAMES, type ScoreName, scoreNamed } from '../scores.js';
import type { ChannelStatistics } from '../statistics.js';
import { type Method, masked, type Need } from './method.js';
import { DAMPENING, DAMPING, sparsegpt, wrongDamping } from './sparsegpt.js';

export interface Dsnot {
  readonly kind: 'dsnot';
  /** The score of the first mask. */
  readonly initial: ScoreName;
  readonly settings: DsnotSettings;
  readonly damping?: number;
  /** Whether SparseGPT, which chooses the first mask, also updates what it keeps; default false. */
  readonly updates?: boolean;
}

const OWN = {
  initial: choice(SCORE_NAMES, 'wanda', 'What chooses the mask that DSnoT starts from (`initial_method`).'),
  mode: choice(
    ['strict', 'reference'],
    DSNOT_DEFAULTS.mode,
    'strict: a step is taken only if the error falls. reference: bit for bit the published code, side effects included.',
  ),
  maxCycles: integer(0, 100_000, DSNOT_DEFAULTS.maxCycles, 'Most exchanges of a row (`max_cycle_time`).'),
  threshold: real(
    0,
    1e9,
    DSNOT_DEFAULTS.updateThreshold,
    'A row ends when |e| is at most this (`update_threshold`); grows with `tokens`.',
  ),
  regrowPower: real(
    0,
    16,
    DSNOT_DEFAULTS.growVariancePower,
    'Power of the variance that a regrown weight’s contribution is divided by (`pow_of_var_regrowing`).',
  ),
  sameSign: flag(
    !DSNOT_DEFAULTS.withoutSameSign,
    'A row also ends when its error would change sign (the opposite of `without_same_sign`).',
  ),
  exchangeLayers: layerPatterns(
    ['*'],
    'Layers whose mask is exchanged; the others keep the initial one. The published code’s default is `attn_*` (`skip_layer mlp`).',
  ),
  updates: flag(
    false,
    'Under `initial=sparsegpt`: starts from the mask and the weights that SparseGPT makes, not from its first scores alone.',
  ),
  ...DAMPENING,
} as const;

/**
 * A first mask, then pruned weights are exchanged for kept ones until the expected error of a row is small
 * (arXiv 2310.08915).
 */
export const dsnot = {
  name: 'dsnot',
  aliases: [],
  kind: 'dsnot',
  own: OWN,
  calibrates: 'always',
  fromSettings: (values: SettingValues<typeof OWN>): Dsnot => ({
    kind: 'dsnot',
    initial: values.initial,
    damping: values.dampening,
    updates: values.updates && values.initial === 'sparsegpt',
    settings: {
      mode: values.mode,
      maxCycles: values.maxCycles,
      updateThreshold: values.threshold,
      growVariancePower: values.regrowPower,
      withoutSameSign: !values.sameSign,
    },
  }),
  needs: ({ initial }) => [...new Set<Need>([...scoreNamed(initial).needs, 'statistics'])],
  nameOf({ initial, settings, updates = false }) {
    const first = updates ? `updated-${initial}` : initial;
    return settings.maxCycles === 0 ? first : `${first}+dsnot`;
  },
  firstMask: (method) => ({ ...method, settings: { ...method.settings, maxCycles: 0 } }),
  problem: ({ damping = DAMPING, settings, updates = false }, pattern) =>
    (updates ? sparsegpt.problem({ kind: 'sparsegpt', damping }, pattern) : wrongDamping(damping)) ??
    wrongSettings(settings),
  choose(layer, { initial, damping = DAMPING, settings, updates = false }, pattern, engine) {
    const { weights, statistics } = layer;
    if (updates) return afterUpdates(layer, { damping, settings }, pattern, engine);
    const score = scoreNamed(initial).make(layer, engine, damping);
    const exchange = engine.dsnot(weights, statistics!, score, pattern, settings);
    return masked(weights, exchange.mask, exchange);
  },
} as const satisfies Method<Dsnot>;

/**
 * Exchanges what SparseGPT left: kept weights have the values that it gave them, pruned ones come back dense,
 * and what its updates took from the output of a row counts as lost.
 */
function afterUpdates(
  layer: Layer,
  { damping, settings }: Required<Pick<Dsnot, 'damping' | 'settings'>>,
  pattern: Pattern,
  engine: PruningEngine,
): Choice {
  const first = sparsegpt.choose(layer, { kind: 'sparsegpt', damping }, pattern, engine);
  const values = first.weights;
  regrow(values, layer.weights, first.mask);
  const lost = lostByUpdates(layer.weights, values, layer.statistics!);
  const given = { kind: 'given', mask: first.mask, lost } as const;
  const exchange = engine.dsnot(values, layer.statistics!, given, pattern, settings);
  return masked(values, exchange.mask, exchange);
}

/** Σ (dense − updated weight) · S of every row: pruned weights have their dense values in both. */
function lostByUpdates(dense: Matrix, values: Matrix, { sumPerSequence }: ChannelStatistics): Float32Array {
  return Float32Array.from({ length: dense.rows }, (_, row) => {
    const updated = rowOf(values, row);
    return rowOf(dense, row).reduce((sum, w, j) => sum + (w - updated[j]!) * sumPerSequence[j]!, 0);
  });
}
