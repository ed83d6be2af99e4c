import { FailureError, failure } from '../../core/errors.js';
import { runnerNamed } from '../runners/index.js';
import type { LoadedModel, LoadRequest, TextModel } from '../runners/runner.js';

/** A loaded model that can be asked about text. */
export interface Speaker extends LoadedModel {
  readonly text: TextModel;
}

export type SpeakerRequest = Omit<LoadRequest, 'sequences'> & { readonly runnerKind: string };

/** Loads a model for one sequence. @throws FailureError `impossible-combination` for a runner without text. */
export async function loadSpeaker({ runnerKind, ...request }: SpeakerRequest): Promise<Speaker> {
  const runner = await runnerNamed(runnerKind);
  const model = await runner.load({ ...request, sequences: 1, wholeCache: true });
  if (model.text !== undefined) return model as Speaker;
  model.close();
  const message = `the runner ${runnerKind} gives no logits of text, so it has no quality to measure`;
  throw new FailureError(failure('impossible-combination', message, { hint: 'Use the llama-cpp runner.' }));
}

/** @throws FailureError when two models do not share a vocabulary: their logits then mean different tokens. */
export function requireSameVocabulary(base: Speaker, candidate: Speaker, sample: string): void {
  const [a, b] = [base.text.tokenize(sample, true), candidate.text.tokenize(sample, true)];
  const sizes = [base.facts.vocabularySize, candidate.facts.vocabularySize];
  if (sizes[0] === sizes[1] && a.length === b.length && a.every((token, i) => token === b[i])) return;
  const why =
    sizes[0] === sizes[1] ? 'they cut the same text differently' : `${sizes[0]} and ${sizes[1]} tokens`;
  const message = `the base and the model have different vocabularies (${why})`;
  const hint = 'Name the model that this one was made from as the base.';
  throw new FailureError(failure('impossible-combination', message, { hint }));
}
