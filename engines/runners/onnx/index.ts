import { type OnnxOptions, onnx } from '../../../core/runners/onnx.js';
import type { LanguageModel } from '../opened.js';
import { defineRunner, type LanguageModelRequest, type WithOptions } from '../runner.js';
import { openEmbedder } from './embedder.js';
import { openAnyGraph } from './graph.js';
import { loadModel } from './load.js';
import { probe } from './probe.js';
import { openProfiled } from './profiled.js';
import { openVocabularyBeside } from './text.js';

/** ONNX Runtime through its C interface, from whatever library the node has. */
export const onnxRunner = defineRunner<typeof onnx>(onnx, probe, {
  generator: (request) => loadModel(request),
  'profiled-generator': openProfiled,
  'language-model': openText,
  embedder: openEmbedder,
  'tensor-graph': openAnyGraph,
});

async function openText(request: WithOptions<LanguageModelRequest, OnnxOptions>): Promise<LanguageModel> {
  const vocabulary = await openVocabularyBeside(request.modelPath ?? '');
  try {
    const model = await loadModel({ ...request, sequences: 1 });
    return {
      facts: model.facts,
      warnings: model.warnings,
      text: {
        ...vocabulary,
        evaluate: (tokens, firstWanted, visit) => model.evaluate(tokens, firstWanted, visit),
      },
      reset: (keepTokens) => model.reset(keepTokens),
      close() {
        model.close();
        vocabulary.close();
      },
    };
  } catch (error) {
    vocabulary.close();
    throw error;
  }
}
