import type { ModelArchitecture } from '../core/work/architecture.js';
import type { PassRequest, SequenceGroup } from '../core/work/pass/setting.js';
import { passWork } from '../core/work/pass-work.js';
import type { PassWork } from '../core/work/work.js';

export interface Speculation {
  /** Tokens that the draft proposes in a row. */
  readonly draftTokens: number;
  /** Chance that a proposed token is taken, alike for all. */
  readonly acceptance: number;
}

export interface SpeculativeStep {
  /** The draft's passes, one token each. */
  readonly draft: readonly PassWork[];
  /** The target's one pass over what was proposed and the token before it. */
  readonly verify: PassWork;
  /** Tokens that a step yields for each sequence: (1 − αᵞ⁺¹) / (1 − α). */
  readonly expectedTokens: number;
}

/** @returns the request for a draft: it keeps its own bits, and is whole on each device. */
export function draftRequest(request: PassRequest): PassRequest {
  return {
    ...request,
    parallelism: { tensor: 1, pipeline: 1, expert: 1 },
    adapter: null,
    weights: null,
    offloadedLayers: 0,
    distinctExperts: null,
  };
}

/**
 * One step of speculative decoding (Leviathan et al., arXiv 2211.17192, equation 1): `draftTokens` passes of
 * a small model, one pass of the large one, which has logits for every position.
 * @param request a decode step of the target; its batch says how deep each sequence is.
 * @throws FailureError `impossible-combination` as passWork does.
 */
export function speculativeStep(
  target: ModelArchitecture,
  draft: ModelArchitecture,
  request: PassRequest,
  { draftTokens, acceptance }: Speculation,
): SpeculativeStep {
  const deeper = (tokens: number, newTokens: number): SequenceGroup[] =>
    request.batch.map((group) => ({
      ...group,
      newTokens,
      cachedTokens: group.cachedTokens + tokens,
    }));
  const small = draftRequest(request);
  return {
    draft: Array.from({ length: draftTokens }, (_, i) => passWork(draft, { ...small, batch: deeper(i, 1) })),
    verify: passWork(target, { ...request, logits: 'all', batch: deeper(0, draftTokens + 1) }),
    expectedTokens:
      acceptance === 1 ? draftTokens + 1 : (1 - acceptance ** (draftTokens + 1)) / (1 - acceptance),
  };
}
