import { getOrMake } from '../maps.js';
import { CALIBRATION_SETTINGS } from './calibration-spec.js';
import { layerPatterns, ratioOverrides } from './layer-choice.js';
import { ALLOCATION_NAMES } from './pruning/allocation/index.js';
import { PRUNING_METHODS } from './pruning/methods/index.js';
import type { Method } from './pruning/methods/method.js';
import { MAX_SWAPS } from './pruning/methods/swaps.js';
import { choice, flag, integer, real, type Settings, type SettingValues } from './spelling.js';

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
    ALLOCATION_NAMES,
    'uniform',
    'Whether all layers get the ratio, or some less of it and the others more: `sensitivity` spares layers whose output suffers most, `owl` blocks with many outliers, `lsa` blocks that lose least with half of their weights removed.',
  ),
  spread: real(
    0,
    1,
    0.1,
    'How far, at most, the ratio of a layer is from the overall one under `allocation=sensitivity`; half of the distance between the least and the most pruned block under `owl` and `lsa`.',
  ),
  outlierFactor: real(
    0,
    1e6,
    5,
    'How many times the mean score of its block makes a weight an outlier under `allocation=owl` (`Hyper_m`).',
  ),
  refine: choice(
    ['none', 'swaps'],
    'none',
    'swaps: after the method, pruned weights are swapped for kept ones, each time the best pair of a row, until no swap lowers the output error; costs a matrix of inputs × inputs.',
  ),
  maxSwaps: integer(0, 1_000_000, MAX_SWAPS, 'Most swaps of a row under `refine=swaps`.'),
} as const;

const OUTPUT_ERROR = {
  outputError: flag(
    true,
    'Measures the output error of every layer on the calibration inputs; costs a matrix of inputs × inputs.',
  ),
} as const;

/** Weights alone decide; errors are measured only when asked for, since that needs a calibration. */
export const UNCALIBRATED = {
  ...LAYERS,
  outputError: {
    ...flag(false, OUTPUT_ERROR.outputError.help),
    help: 'Calibrates all the same, to report what pruning does to the output of every layer.',
  },
} as const;

const CALIBRATED_MAGNITUDE = { ...UNCALIBRATED, ...CALIBRATION_SETTINGS } as const;

const CALIBRATED = { ...LAYERS, ...OUTPUT_ERROR, ...CALIBRATION_SETTINGS } as const;

/** Words of the methods. */
export const METHODS: readonly string[] = PRUNING_METHODS.map(({ name: word }) => word);

/** Every setting of any method, each once, for help. */
export const ALL_SETTINGS: Settings = Object.assign(
  {},
  ...PRUNING_METHODS.map(({ own }) => own).reverse(),
  CALIBRATED,
);

/** Settings that every method has; a magnitude that calibrates nothing has no calibration's. */
export type CommonValues = SettingValues<typeof CALIBRATED>;

/** @returns the settings that a method can have. */
export function settingsOf({ calibrates, own }: Pick<Method<never>, 'calibrates' | 'own'>): Settings {
  return { ...(calibrates === 'always' ? CALIBRATED : CALIBRATED_MAGNITUDE), ...own };
}

/**
 * @returns what a setting is where nothing is said, once for all methods that have it, or for each kind of
 *   them: `true`, or `false of magnitude, magnitude-row, else true`; '' = nothing.
 */
export function fallbackOf(name: string): string {
  const groups = new Map<string, string[]>();
  for (const method of PRUNING_METHODS) {
    const settings = settingsOf(method);
    const setting = Object.hasOwn(settings, name) ? settings[name] : undefined;
    if (setting === undefined) continue;
    getOrMake(groups, setting.write(setting.fallback), () => []).push(method.name);
  }
  const [usual = '', ...others] = [...groups.keys()].sort(
    (a, b) => groups.get(b)!.length - groups.get(a)!.length,
  );
  return [...others.map((text) => `${text} of ${groups.get(text)!.join(', ')}`), usual].join(', else ');
}

/** @returns the words of the methods that have a setting, or null where all have it. */
export function methodsWith(setting: string): readonly string[] | null {
  const methods = PRUNING_METHODS.filter((method) => Object.hasOwn(settingsOf(method), setting));
  return methods.length === METHODS.length ? null : methods.map(({ name: word }) => word);
}
