import { CALIBRATION_SETTINGS } from './calibration-spec.js';
import { layerPatterns, ratioOverrides } from './layer-choice.js';
import { DSNOT_DEFAULTS } from './pruning/dsnot/settings.js';
import { BLOCK_COLUMNS, DAMPING } from './pruning/sparsegpt.js';
import { choice, flag, integer, real, type Setting } from './spelling.js';

/** How weights are chosen, by the word a sweep has for it. */
export const METHODS = ['magnitude', 'magnitude-row', 'wanda', 'sparsegpt', 'dsnot'] as const;
export type MethodWord = (typeof METHODS)[number];

const LAYERS = {
  layers: layerPatterns(
    ['*'],
    'Linear layers that are pruned, by pattern; `*` is any text, `blk.0.*` a block.',
  ),
  exclude: layerPatterns([], 'Of those, layers that stay dense.'),
  ratios: ratioOverrides(
    'Ratios of single layers by pattern, the first that fits: `ffn_down:0.4,attn_q:0.7`.',
  ),
  allocation: choice(
    ['uniform', 'sensitivity'],
    'uniform',
    'Whether all layers get the ratio, or those whose output suffers most get less of it and the others more.',
  ),
  spread: real(
    0,
    1,
    0.1,
    'How far, at most, the ratio of a layer is from the overall one under `allocation=sensitivity`.',
  ),
} as const;

const OUTPUT_ERROR = {
  outputError: flag(
    true,
    'Measures the output error of every layer on the calibration inputs; costs a matrix of inputs × inputs.',
  ),
} as const;

const DAMPENING = {
  dampening: real(0, 1000, DAMPING, 'Share of the mean diagonal that is added to the Hessian (`percdamp`).'),
} as const;

const SPARSEGPT = {
  blockColumns: integer(
    1,
    65_536,
    BLOCK_COLUMNS,
    'Columns that are pruned before the weights right of them are updated (`blocksize`).',
  ),
  ...DAMPENING,
} as const;

const DSNOT = {
  initial: choice(
    ['wanda', 'magnitude', 'sparsegpt'],
    'wanda',
    'What chooses the mask that DSnoT starts from (`initial_method`).',
  ),
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

/** Weights alone decide; errors are measured only when asked for, since that needs a calibration. */
export const UNCALIBRATED = {
  ...LAYERS,
  outputError: {
    ...flag(false, OUTPUT_ERROR.outputError.help),
    help: 'Calibrates all the same, to report what pruning does to the output of every layer.',
  },
} as const;

export const CALIBRATED_MAGNITUDE = { ...UNCALIBRATED, ...CALIBRATION_SETTINGS } as const;

const CALIBRATED = { ...LAYERS, ...OUTPUT_ERROR, ...CALIBRATION_SETTINGS } as const;

/** The settings of every method. */
export const METHOD_SETTINGS = {
  magnitude: CALIBRATED_MAGNITUDE,
  'magnitude-row': CALIBRATED_MAGNITUDE,
  wanda: CALIBRATED,
  sparsegpt: { ...CALIBRATED, ...SPARSEGPT },
  dsnot: { ...CALIBRATED, ...DSNOT },
} as const;

/** Every setting of any method, each once, for help. */
export const ALL_SETTINGS = { ...DSNOT, ...SPARSEGPT, ...CALIBRATED } as const;

/**
 * @returns what a setting is where nothing is said, once for all methods that have it, or for each kind of them: `true`, or
 *   `false of magnitude, magnitude-row, else true`; '' = nothing.
 */
export function fallbackOf(name: string): string {
  const groups = new Map<string, MethodWord[]>();
  for (const method of METHODS) {
    const settings: Readonly<Record<string, Setting<never>>> = METHOD_SETTINGS[method] as never;
    const setting = Object.hasOwn(settings, name) ? settings[name] : undefined;
    if (setting === undefined) continue;
    const text = setting.write(setting.fallback);
    groups.set(text, [...(groups.get(text) ?? []), method]);
  }
  const [usual = '', ...others] = [...groups.keys()].sort(
    (a, b) => groups.get(b)!.length - groups.get(a)!.length,
  );
  return [...others.map((text) => `${text} of ${groups.get(text)!.join(', ')}`), usual].join(', else ');
}

/** @returns the methods that have a setting, or null where all have it. */
export function methodsWith(setting: string): readonly MethodWord[] | null {
  const methods = METHODS.filter((method) => Object.hasOwn(METHOD_SETTINGS[method], setting));
  return methods.length === METHODS.length ? null : methods;
}
