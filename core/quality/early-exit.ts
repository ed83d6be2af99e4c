/**
 * Early exit by confidence: a token is done at the first exit whose two likeliest tokens lie far enough
 * apart, as CALM (Schuster et al. 2022, arXiv 2207.07061) decides by the softmax, and as LLM Inference
 * Unveiled (arXiv 2402.16363) surveys it.
 */

/** What one exit said of every token that was scored, in the same order at every exit. */
export interface ExitReadings {
  /** Layers that compute before it. */
  readonly layers: number;
  /** Probability of its likeliest token less that of the second. */
  readonly gap: Float32Array;
  readonly likeliest: Int32Array;
  /** −ln p of the text's own token, nats. */
  readonly loss: Float32Array;
  /** Of the fastest decode step up to here: what neighbours take is not the model's. */
  readonly stepSeconds: number;
}

/** All tokens exit here. */
export interface FixedExit {
  readonly layers: number;
  readonly perplexity: number;
  /** Share of tokens whose likeliest one is that of the whole model. */
  readonly agreement: number;
  readonly stepSeconds: number;
}

/** Tokens exit where they are sure enough. */
export interface ConfidentExit {
  readonly threshold: number;
  readonly meanLayers: number;
  readonly perplexity: number;
  readonly agreement: number;
  /** By exit: the share of tokens that leave there. */
  readonly shares: readonly number[];
  /**
   * Decode steps of the whole model over the mean of those up to each token's exit. A bound: asking at an
   * exit costs the output matrix each time, and layers that were skipped owe keys and values to later tokens
   * that go deeper.
   */
  readonly speedupAtMost: number;
}

/**
 * @param exits from shallow to deep; the last is the whole model.
 * @returns each exit, if all tokens left there.
 */
export function fixedExits(exits: readonly ExitReadings[]): FixedExit[] {
  const whole = exits.at(-1)!;
  return exits.map(({ layers, loss, likeliest, stepSeconds }) => ({
    layers,
    stepSeconds,
    perplexity: Math.exp(mean(loss)),
    agreement: mean(likeliest.map((token, i) => Number(token === whole.likeliest[i]))),
  }));
}

/** @param threshold least gap to leave at, 0 to 1; whoever is never sure leaves at the last exit. */
export function confidentExit(exits: readonly ExitReadings[], threshold: number): ConfidentExit {
  const whole = exits.at(-1)!;
  const tokens = whole.loss.length;
  const left = new Array<number>(exits.length).fill(0);
  let [loss, agreed] = [0, 0];
  for (let i = 0; i < tokens; i++) {
    const sure = exits.findIndex(({ gap }) => gap[i]! >= threshold);
    const at = sure === -1 ? exits.length - 1 : sure;
    left[at]! += 1;
    loss += exits[at]!.loss[i]!;
    agreed += Number(exits[at]!.likeliest[i] === whole.likeliest[i]);
  }
  const shares = left.map((count) => count / tokens);
  const weightedMean = (numberOf: (exit: ExitReadings) => number) =>
    exits.reduce((sum, exit, i) => sum + shares[i]! * numberOf(exit), 0);
  return {
    threshold,
    shares,
    meanLayers: weightedMean(({ layers }) => layers),
    perplexity: Math.exp(loss / tokens),
    agreement: agreed / tokens,
    speedupAtMost: whole.stepSeconds / weightedMean(({ stepSeconds }) => stepSeconds),
  };
}

function mean(values: Float32Array | Int32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}
