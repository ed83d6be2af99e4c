import type { KnownFacts } from '../experiment/known-facts.js';
import { type Rule, refuse } from '../experiment/rule.js';
import { NO_ADAPTER } from './adapter.js';
import { type Reading, rejected } from './spelling.js';
import type { Technique } from './technique.js';

/** Every layer computes. */
const ALL = 'all';
const FIRST = 'first';

/** @returns how many layers stay, from the first on; null = all. */
export function readLayers(spelling: string): Reading<number | null> {
  if (spelling === ALL) return { ok: true, value: null };
  const [, count] = /^first:([1-9]\d{0,3})$/.exec(spelling) ?? [];
  if (count !== undefined) return { ok: true, value: Number(count) };
  const [number] = /\d+/.exec(spelling) ?? [];
  const near = ['full', 'base', 'none'].includes(spelling) ? ALL : `${FIRST}:${number ?? 4}`;
  return rejected(`layers must be ${layers.form}, not ${JSON.stringify(spelling)}`, near);
}

/**
 * How many layers of a model compute: with `first:4` the fifth and later ones are left out, and the output
 * norm and matrix read what the fourth gives: an early exit at a layer that is fixed beforehand (LLM
 * Inference Unveiled, arXiv 2402.16363).
 */
export const layers: Technique = {
  name: 'layers',
  fallback: ALL,
  help: 'How many layers compute: `first:4` exits behind the fourth (early exit at a fixed layer), `all` leaves the model as it is.',
  examples: [ALL, `${FIRST}:4`, `${FIRST}:8`],
  form: 'all, or first: and how many layers stay',
  keys: { first: 'Layers that stay, from the first on.' },
  read(spelling) {
    const reading = readLayers(spelling);
    if (!reading.ok) return reading;
    return { ok: true, value: reading.value === null ? ALL : `${FIRST}:${reading.value}` };
  },
  spell: ({ first }) => `${FIRST}:${String(first)}`,
};

const layersLeft = (setting: unknown): number | null => {
  const reading = readLayers(String(setting));
  return reading.ok ? reading.value : null;
};

/** A model cannot exit behind a layer that it does not have. */
export const exits: Rule = {
  axes: ['model', 'layers'],
  reason({ model, layers: setting }, facts) {
    const [left, all] = [layersLeft(setting), facts?.layers ?? null];
    return left === null || all === null || left <= all
      ? null
      : `model ${model} has ${all} layers, and layers ${setting} wants ${left}: choose at most first:${all}`;
  },
};

/** llama.cpp refuses an adapter that has tensors for layers which are not there. */
export const exitWithAdapter = refuse(
  ['layers', 'adapter'],
  ({ layers: setting, adapter }) => layersLeft(setting) !== null && adapter !== NO_ADAPTER,
  'an adapter has deltas for all layers, and `layers` leaves some out: use one of the two',
);

/**
 * @returns the facts of a model of which so many layers stay. What a layer weighs is the mean of all that is
 *   no table of the vocabulary.
 */
export function factsOfFirst(facts: KnownFacts, setting: string): KnownFacts {
  const left = layersLeft(setting);
  if (left === null || left >= facts.layers) return facts;
  const share = left / facts.layers;
  const tables = Math.min(facts.parameters, 2 * facts.vocabularySize * facts.embeddingLength);
  const parameters = Math.round(tables + (facts.parameters - tables) * share);
  return {
    ...facts,
    layers: left,
    parameters,
    bytes: Math.round((facts.bytes * parameters) / facts.parameters),
    keyElementsPerToken: facts.keyElementsPerToken * share,
    valueElementsPerToken: facts.valueElementsPerToken * share,
  };
}
