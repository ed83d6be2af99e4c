import type { Rule } from '../experiment/rule.js';
import { nearest } from '../input/suggest.js';
import type { CalibrationSpec } from './calibration-spec.js';
import { isFloatType } from './float-types.js';
import { type LayerPatterns, type RatioOverride, readRatio } from './layer-choice.js';
import type { AllocationSettings } from './pruning/allocation/allocation.js';
import { type AllocationName, allocationsReading } from './pruning/allocation/index.js';
import { type NamedMethod, PRUNING_METHODS, type PruningMethod } from './pruning/methods/index.js';
import type { Method } from './pruning/methods/method.js';
import { type Pattern, patternName } from './pruning/pattern.js';
import { ALL_SETTINGS, type CommonValues, METHODS, settingsOf, UNCALIBRATED } from './sparsity-settings.js';
import {
  headOf,
  helpOf,
  joinWord,
  type Reading,
  readSettings,
  rejected,
  type Settings,
  writeWord,
} from './spelling.js';
import type { Technique } from './technique.js';

/** No weight is pruned. */
const DENSE = 'none';

/** How the weights are pruned. */
export interface SparsitySpec extends AllocationSettings {
  readonly method: PruningMethod;
  /** Of all layers that nothing else is said of. */
  readonly pattern: Pattern;
  readonly layers: LayerPatterns;
  readonly exclude: LayerPatterns;
  readonly ratios: readonly RatioOverride[];
  readonly allocation: AllocationName;
  /** Layers that DSnoT exchanges; the others keep the initial mask. */
  readonly exchangeLayers: LayerPatterns;
  /** Whether the error of every layer's output is measured. */
  readonly outputError: boolean;
  /** null: the weights alone decide, and nothing else is measured. */
  readonly calibration: CalibrationSpec | null;
}

/** What a method has no setting for is never looked at. */
type Values = CommonValues & Partial<Pick<SparsitySpec, 'exchangeLayers'>>;

/** @returns null for a dense model. */
export function readSparsity(spelling: string): Reading<SparsitySpec | null> {
  if (spelling === DENSE) return { ok: true, value: null };
  const head = readHead(headOf(spelling));
  if (!head.ok) return head;
  const { method, pattern } = head.value;
  const reading = readSettings(spelling, settingsFor(method, spelling));
  if (!reading.ok) return reading;
  const values = reading.value as Values;
  const first = method.fromSettings(values as never);
  const problem = contradiction(pattern, values) ?? method.problem(first, pattern);
  if (problem !== null) return rejected(problem);
  const { layers, exclude, ratios, allocation, spread, outlierFactor, outputError, refine, maxSwaps } =
    values;
  return {
    ok: true,
    value: {
      method: refine === 'swaps' ? { kind: 'swaps', first, maxSwaps } : first,
      pattern,
      layers,
      exclude,
      ratios,
      allocation,
      spread,
      outlierFactor,
      exchangeLayers: values.exchangeLayers ?? ['*'],
      outputError,
      calibration: values.text === undefined ? null : calibrationOf(values),
    },
  };
}

function readHead(head: string): Reading<{ method: Method<NamedMethod>; pattern: Pattern }> {
  const [name = '', amount = ''] = head.split(/:(.*)/s);
  const method = PRUNING_METHODS.find(({ name: spelling }) => spelling === name);
  if (method === undefined) {
    const guess = aliasOf(name.toLowerCase()) ?? nearest(name, METHODS);
    const suggestion = guess === null ? null : guess === DENSE ? DENSE : `${guess}:${amount || '50%'}`;
    return rejected(`sparsity must be ${sparsity.form}, not ${JSON.stringify(head)}`, suggestion);
  }
  const pattern = readPattern(amount);
  if (pattern !== null) return { ok: true, value: { method, pattern } };
  const asPercent = /^\d{1,2}$/.test(amount) ? `${name}:${amount}%` : null;
  return rejected(
    amount === ''
      ? `sparsity ${name} does not say how much: write a share, such as ${name}:50%, or N:M, such as ${name}:2:4`
      : `${amount} of sparsity ${JSON.stringify(head)} must be a share from 0% to 100%, or N:M with N below M (N of every M weights are pruned)`,
    amount === '' ? `${name}:50%` : asPercent,
  );
}

function aliasOf(name: string): string | null {
  if (name === 'dense' || name === 'base') return DENSE;
  return PRUNING_METHODS.find(({ aliases }) => aliases.includes(name))?.name ?? null;
}

function readPattern(text: string): Pattern | null {
  const ratio = readRatio(text);
  if (ratio !== null) return { kind: 'unstructured', ratio };
  const [pruned, group] = (/^(\d{1,3}):(\d{1,3})$/.exec(text) ?? []).slice(1).map(Number);
  if (pruned === undefined || group === undefined || pruned < 1 || pruned >= group) return null;
  return { kind: 'grouped', pruned, group };
}

/**
 * A method that need not calibrate has the settings of a calibration only where something is calibrated, so
 * that none is idle.
 */
function settingsFor(method: Method<NamedMethod>, spelling: string): Settings {
  if (
    method.calibrates === 'always' ||
    /[?&](outputError=true|allocation=(?!uniform(&|$))[^&]*|refine=swaps)(&|$)/.test(spelling)
  )
    return settingsOf(method);
  return { ...UNCALIBRATED, ...method.own };
}

/** @returns why settings do not go together, or null. */
function contradiction(pattern: Pattern, { ratios, allocation }: Values): string | null {
  if (pattern.kind === 'unstructured') {
    if (allocation !== 'uniform' && ratios.length > 0)
      return `ratios and allocation=${allocation} both say how much each layer gets: leave one out`;
    return null;
  }
  const name = patternName(pattern);
  if (allocation !== 'uniform') return `${name} is the same in every layer: leave allocation out`;
  return ratios.length > 0 ? `${name} is the same in every layer: leave ratios out` : null;
}

/** @returns a sentence for every setting of a word that changes nothing, since no other one reads it. */
export function idleSettings(spelling: string): string[] {
  const reading = readSparsity(spelling);
  if (!reading.ok || reading.value === null) return [];
  const { allocation, method } = reading.value;
  const idle = (setting: string, readers: readonly string[]) =>
    `${setting} changes nothing without ${readers.join(' or ')}: leave it out, or one pruning has two names`;
  const ofAllocations = (['spread', 'outlierFactor'] as const).filter(
    (setting) => says(spelling, setting) && !allocationsReading(setting).includes(allocation),
  );
  return [
    ...ofAllocations.map((setting) =>
      idle(
        setting,
        allocationsReading(setting).map((name) => `allocation=${name}`),
      ),
    ),
    ...(/^dsnot.*[?&]updates=true/.test(spelling) && !/[?&]initial=sparsegpt(&|$)/.test(spelling)
      ? [idle('updates', ['initial=sparsegpt'])]
      : []),
    ...(says(spelling, 'maxSwaps') && method.kind !== 'swaps' ? [idle('maxSwaps', ['refine=swaps'])] : []),
  ];
}

const says = (spelling: string, setting: string) => new RegExp(`[?&]${setting}=`).test(spelling);

function calibrationOf({ text, sequences, tokens, order, seed }: Values): CalibrationSpec {
  return { text, sequences, tokens, order, seed };
}

export const sparsity: Technique = {
  name: 'sparsity',
  fallback: DENSE,
  help: 'How weights are pruned before they are quantized: a method and a share or N:M, `wanda:50%`, `dsnot:2:4`; `none` keeps all.',
  examples: [DENSE, ...METHODS.flatMap((method) => [`${method}:50%`, `${method}:2:4`])],
  form: 'none, or a method and how much it prunes, such as wanda:50% or dsnot:2:4',
  keys: {
    method: `How weights are chosen: ${METHODS.join(', ')}.`,
    ratio: 'Share that is pruned, `50%` or `0.5`; or N:M, N of every M weights of a row.',
    ...helpOf(ALL_SETTINGS),
  },
  read(spelling) {
    const reading = readSparsity(spelling);
    if (!reading.ok) return reading;
    if (reading.value === null) return { ok: true, value: DENSE };
    const [name] = headOf(spelling).split(':', 1);
    const method = PRUNING_METHODS.find((known) => known.name === name)!;
    const settings = settingsFor(method, spelling);
    const values = readSettings(spelling, settings);
    if (!values.ok) return values;
    const head = `${method.name}:${patternName(reading.value.pattern)}`;
    return { ok: true, value: writeWord(head, values.value, settings) };
  },
  spell: ({ method, ratio, ...settings }) => {
    const head = ratio === undefined ? String(method) : `${method}:${ratio}`;
    return joinWord(head, Object.entries(settings));
  },
};

/** Pruned weights are written in the type they had, and zeros of a quantized block are no zeros. */
export const pruningNeedsFloats: Rule = {
  axes: ['model', 'sparsity'],
  reason({ model, sparsity: wanted }, facts) {
    const type = facts?.quantization ?? null;
    if (type === null || wanted === DENSE || isFloatType(type)) return null;
    return `model ${model} is quantized (${type}), and float weights are pruned: give its f16 file, or sparsity none`;
  },
};

/**
 * Most layers of a model are as wide as its embedding; a layer of another width says so when it is its turn.
 */
export const groupsDivideWidth: Rule = {
  axes: ['model', 'sparsity'],
  reason({ model, sparsity: spelling }, facts) {
    const reading = readSparsity(String(spelling));
    const width = facts?.embeddingLength ?? null;
    if (width === null || !reading.ok || reading.value?.pattern.kind !== 'grouped') return null;
    const { pattern, layers, exclude } = reading.value;
    if (layers.join() !== '*' || exclude.length > 0 || width % pattern.group === 0) return null;
    return `layers of model ${model} are ${width} wide, which groups of ${pattern.group} do not divide: choose another N:M, or a share`;
  },
};
