import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { failed } from '../../core/errors.js';
import { embedding as description } from '../../core/workloads/embedding.js';
import type { EmbedderInput } from '../../engines/runners/opened.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { repeatCalls } from './calls.js';
import { defineWorkload } from './workload.js';

/** Texts of random tokens into vectors: a repeat is a number of runs, each timed by itself. */
export const embedding = defineWorkload(description, ({ texts, textTokens, pooling, textSeed }) => ({
  demands: { pooling },

  async run(model, context) {
    const { contextLength, vocabularySize } = model.facts;
    if (textTokens > contextLength) {
      const message = `texts of ${textTokens} tokens are longer than the ${contextLength} that the model reads at once`;
      throw failed(
        'impossible-combination',
        message,
        'Lower textTokens; llama.cpp reads as many as batch allows.',
      );
    }
    const random = xoroshiro128plus(textSeed);
    const inputs = Array.from({ length: texts }, (): EmbedderInput => {
      const tokens = Int32Array.from({ length: textTokens }, () => uniformInt(random, 0, vocabularySize - 1));
      return { tokens, secondFrom: tokens.length, cut: false };
    });
    const timeEmbedding = () => {
      const began = monotonicSeconds();
      model.embed(inputs);
      return monotonicSeconds() - began;
    };
    const call = (times: number) => Array.from({ length: times }, timeEmbedding);
    const { callSeconds, ...outcome } = await repeatCalls(
      { call, phase: 'infer', each: texts, metric: 'inferenceP50Seconds' },
      context,
    );
    const record = {
      items: texts,
      tokens: texts * textTokens,
      inputs: [{ name: 'input_ids', type: 'int32', shape: [texts, textTokens] }],
      outputs: [{ name: 'sentence_embedding', type: 'float32', shape: [texts, model.width] }],
      runSeconds: callSeconds,
    };
    return { ...outcome, findings: { of: 'inference', record } };
  },
}));
