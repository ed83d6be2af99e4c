import type { KnownFacts } from '../experiment/known-facts.js';
import { FLOAT_BYTES } from '../techniques/float-types.js';
import { isAdapterMethod, TRAINING_TARGETS, type TrainingSettings } from './methods.js';

/** Bytes that training takes, by what for; the names are those of the record. */
export interface TrainingNeeds {
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  readonly inputs: number;
}

/** Widths of a layer, as far as a header's facts tell them. */
interface Widths {
  readonly model: number;
  /** Of all heads of keys. */
  readonly keys: number;
  readonly feedForward: number;
  readonly heads: number;
}

/**
 * Predicts the memory of a fine-tuning from the facts of a model, a little above what it will take.
 * @param weightBytes of the file that is trained on.
 */
export function predictTraining(
  facts: KnownFacts,
  settings: TrainingSettings,
  weightBytes: number,
): TrainingNeeds {
  const { windowTokens, sequences, method, rank } = settings;
  const { vocabularySize: vocabulary, layers, parameters } = facts;
  const tokens = windowTokens * sequences;
  const widths = widthsOf(facts);
  const { model, feedForward } = widths;
  const trained = trainedParameters(facts, settings, widths);
  const adapter = isAdapterMethod(method);
  // The base in f32 where it moves itself; beside the frozen base where it does not.
  const whole = method === 'full' ? FLOAT_BYTES.f32 * parameters : weightBytes + FLOAT_BYTES.f32 * trained;
  // PiSSA's matrices lose their leading part, in f32 instead of the file's type.
  const grown = Math.max(0, FLOAT_BYTES.f32 - weightBytes / parameters);
  const residual = method === 'pissa' ? grown * layers * targetWeights(settings, widths) : 0;
  const passed = method === 'freeze' ? Math.min(layers, settings.trainedLayers) : layers;
  // What each matrix gives, before its rows get their lengths.
  const dora = method === 'dora' ? 3 * model + 2 * widths.keys + 2 * feedForward : 0;
  const each = perLayer(widths, windowTokens, adapter ? rank : 0) + dora;
  const saved = passed * each + 2 * vocabulary + 8 * model;
  const turned = 2 * model * Math.max(vocabulary, feedForward);
  return {
    weights: whole + residual,
    gradients: FLOAT_BYTES.f32 * trained,
    optimizer: 2 * FLOAT_BYTES.f32 * trained,
    activations: FLOAT_BYTES.f32 * (tokens * saved + turned),
    inputs: FLOAT_BYTES.f32 * (tokens * (vocabulary + 2) + windowTokens ** 2),
  };
}

/**
 * Numbers of one layer that wait for the way back, for each token: what goes into norms and matrices, Q, K
 * and V, the weights of attention (no flash attention: it has no way back), gate, up and their product; what
 * DoRA adds is not in it.
 */
function perLayer({ model, keys, feedForward, heads }: Widths, windowTokens: number, rank: number): number {
  return 8 * model + 2 * keys + windowTokens * heads + 3 * feedForward + 7 * rank;
}

function trainedParameters(
  { parameters, layers, vocabularySize, embeddingLength }: KnownFacts,
  { method, rank, targets, trainedLayers }: TrainingSettings,
  { model, keys, feedForward }: Widths,
): number {
  if (method === 'full') return parameters;
  if (method === 'freeze') {
    const inLayers = parameters - vocabularySize * embeddingLength;
    return (inLayers * Math.min(trainedLayers, layers)) / layers;
  }
  const sides = {
    attn_q: 2 * model,
    attn_k: model + keys,
    attn_v: model + keys,
    attn_output: 2 * model,
    ffn_gate: model + feedForward,
    ffn_up: model + feedForward,
    ffn_down: model + feedForward,
  };
  const perLayer = TRAINING_TARGETS[targets].reduce((sum, name) => sum + sides[name], 0);
  return layers * rank * perLayer;
}

/** @returns the weights of the matrices of one layer that get factors. */
function targetWeights(
  { targets }: Pick<TrainingSettings, 'targets'>,
  { model, keys, feedForward }: Widths,
): number {
  const outputs = {
    attn_q: model,
    attn_k: keys,
    attn_v: keys,
    attn_output: model,
    ffn_gate: feedForward,
    ffn_up: feedForward,
    ffn_down: feedForward,
  };
  return model * TRAINING_TARGETS[targets].reduce((sum, name) => sum + outputs[name], 0);
}

/**
 * The facts hold neither the feed-forward width nor the heads: the first is what is left of the parameters
 * when the output is the embedding's (too wide where it is not), the second is that of heads of 64 up to a
 * width of 2048, and of 128 above.
 */
function widthsOf(facts: KnownFacts): Widths {
  const { parameters, layers, embeddingLength: model, vocabularySize, keyElementsPerToken } = facts;
  const keys = keyElementsPerToken / Math.max(1, layers);
  const inLayer = Math.max(0, parameters - vocabularySize * model) / Math.max(1, layers);
  const feedForward = Math.max(model, (inLayer - 2 * model * (model + keys)) / (3 * model));
  return { model, keys, feedForward, heads: Math.ceil(model / (model <= 2048 ? 64 : 128)) };
}
