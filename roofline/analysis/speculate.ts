import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { PassRequest } from '../../core/work/pass/setting.js';
import type { Ceilings } from '../ceilings.js';
import { placePass } from '../place.js';
import { speculativeStep } from '../speculative.js';
import type { SpeculativeAnalysis } from './analysis.js';
import { impossible } from './impossible.js';
import type { AnalysisPoint } from './point.js';

/**
 * A step of speculative decoding on one device, its draft there, too: each pass at the least time that the ceilings allow.
 * @param plainSeconds of a decode step without a draft.
 * @throws FailureError `impossible-combination` for a draft of other tokens
 */
export function speculate(
  { batch, draftTokens, acceptance, tokensPerStep, microBatches }: AnalysisPoint,
  { model, draft }: { readonly model: ModelArchitecture; readonly draft: ModelArchitecture },
  request: PassRequest,
  ceilings: Ceilings,
  plainSeconds: number,
): SpeculativeAnalysis {
  if (draft.vocabulary !== model.vocabulary)
    throw impossible(
      `the draft has ${draft.vocabulary} tokens and the model ${model.vocabulary}`,
      'A draft proposes tokens of the model: name one of the same vocabulary.',
    );
  if (tokensPerStep !== 1)
    throw impossible(
      'a draft and more than one token per step',
      'Leave the tokens per step out: a draft decides how many are verified.',
    );
  if (microBatches !== 1)
    throw impossible(
      'a draft and more than one micro-batch',
      'Leave the micro-batches out: a step of draft and model is counted one after the other.',
    );
  const step = speculativeStep(model, draft, request, { draftTokens, acceptance });
  const draftSeconds = step.draft.reduce((sum, pass) => sum + placePass(pass, ceilings).seconds, 0);
  const verifySeconds = placePass(step.verify, ceilings).seconds;
  const tokensPerSecond = (batch * step.expectedTokens) / (draftSeconds + verifySeconds);
  return {
    draftSeconds,
    verifySeconds,
    expectedTokens: step.expectedTokens,
    tokensPerSecond,
    speedup: tokensPerSecond / (batch / plainSeconds),
  };
}
