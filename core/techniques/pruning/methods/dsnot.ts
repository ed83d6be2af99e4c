import { layerPatterns } from '../../layer-choice.js';
import { choice, flag, integer, real, type SettingValues } from '../../spelling.js';
import { DSNOT_DEFAULTS, type DsnotSettings, wrongSettings } from '../dsnot/settings.js';
import { SCORE_NAMES, type ScoreName, scoreNamed } from '../scores.js';
import { type Method, masked, type Need } from './method.js';
import { DAMPENING, DAMPING, wrongDamping } from './sparsegpt.js';

export interface Dsnot {
  readonly kind: 'dsnot';
  /** The score of the first mask. */
  readonly initial: ScoreName;
  readonly settings: DsnotSettings;
  readonly damping?: number;
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
    settings: {
      mode: values.mode,
      maxCycles: values.maxCycles,
      updateThreshold: values.threshold,
      growVariancePower: values.regrowPower,
      withoutSameSign: !values.sameSign,
    },
  }),
  needs: ({ initial }) => [...new Set<Need>([...scoreNamed(initial).needs, 'statistics'])],
  nameOf: ({ initial, settings }) => (settings.maxCycles === 0 ? initial : `${initial}+dsnot`),
  firstMask: (method) => ({ ...method, settings: { ...method.settings, maxCycles: 0 } }),
  problem: ({ damping, settings }) => wrongDamping(damping) ?? wrongSettings(settings),
  choose(layer, { initial, damping = DAMPING, settings }, pattern, engine) {
    const { weights, statistics } = layer;
    const score = scoreNamed(initial).make(layer, engine, damping);
    const exchange = engine.dsnot(weights, statistics!, score, pattern, settings);
    return masked(weights, exchange.mask, exchange);
  },
} as const satisfies Method<Dsnot>;
