import { openArchitecture } from '../../../cli/roofline/open-model.js';
import { getOrMake } from '../../../core/maps.js';
import type { Factors } from '../../../core/result/factors.js';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import type { Drafting } from '../../../core/work/generation.js';
import { llamaCppSetting } from '../../../core/work/llama-cpp.js';
import { PASS_DEFAULTS } from '../../../core/work/llama-cpp-options.js';
import type { PassRequest } from '../../../core/work/pass/setting.js';
import { counted } from '../../../core/work/phase-work.js';
import type { GreedyGenerator } from '../../../engines/runners/opened.js';
import type { GreedyAnswers } from '../../../engines/runners/speculation/loop.js';
import { factorsAt } from '../../../roofline/factor-at.js';
import type { MachineModel } from '../../../roofline/machine-model.js';
import { expectPhase } from '../../../roofline/placement.js';
import { median } from '../../../statistics/quantile.js';
import { openPair, type Pair } from './pairs.js';

/** How many times as fast answers are with drafts as without, at so many sequences. */
export interface Gain {
  readonly sequences: number;
  readonly measured: number;
  /** Of the time of the steps alone, with the acceptance that was measured; null = no factors are known. */
  readonly predicted: number | null;
  readonly acceptanceLength: number;
}

export interface OwnNode {
  readonly machineModel: MachineModel;
  readonly factors: Factors;
}

const seconds = ({ draftSeconds, verifySeconds }: GreedyAnswers) =>
  [...draftSeconds, ...verifySeconds].reduce((a, b) => a + b, 0);

interface Asked {
  readonly sequences: number;
  readonly drafting: Drafting;
  readonly rounds: number;
  readonly answerTokens: number;
  readonly node: OwnNode | null;
}

/** Measures with and without drafts by turns in one process. */
export async function gainAt(
  pair: Pair,
  prompts: (model: GreedyGenerator) => Int32Array[],
  { sequences, drafting, rounds, answerTokens, node }: Asked,
): Promise<Gain> {
  const model = await openPair(pair, { sequences, drafting });
  try {
    const asked = prompts(model);
    model.read(asked);
    let drafted = model.answer(answerTokens, true);
    model.answer(answerTokens, false);
    const ratios = Array.from({ length: rounds }, () => {
      const plain = seconds(model.answer(answerTokens, false));
      drafted = model.answer(answerTokens, true);
      return plain / seconds(drafted);
    });
    const accepted = drafted.accepted.reduce((a, b) => a + b, 0);
    const cachedTokens = asked[0]!.length + Math.round(answerTokens / 2);
    const about = { sequences, cachedTokens, drafting, answerTokens };
    return {
      sequences,
      measured: median(ratios),
      predicted: node === null ? null : predictedGain(pair, about, drafted, node),
      acceptanceLength: 1 + accepted / drafted.verifications,
    };
  } finally {
    model.close();
  }
}

/**
 * Predicts the time of steps, of which it is known how much was drafted and accepted.
 * @param drafted the answers whose steps are predicted.
 */
function predictedGain(
  pair: Pair,
  asked: Pick<Asked, 'sequences' | 'drafting' | 'answerTokens'> & { readonly cachedTokens: number },
  drafted: GreedyAnswers,
  node: OwnNode,
): number {
  const [model, draft] = [pair.model, pair.draft].map((path) => openArchitecture(path, []));
  const { sequences, cachedTokens, drafting } = asked;
  const { tokens } = drafting;
  const known = new Map<number, number>();
  const verifying = (drafts: number) => {
    const batch = [
      { sequences: drafts, newTokens: tokens + 1, cachedTokens },
      { sequences: sequences - drafts, newTokens: 1, cachedTokens },
    ].filter((group) => group.sequences > 0);
    return getOrMake(known, drafts, () => passSeconds(model!, batch, node));
  };
  const alone = [{ sequences, newTokens: 1, cachedTokens }];
  const draftingSeconds = drafting.by === 'model' ? tokens * passSeconds(draft!, alone, node) : 0;
  const steps = drafted.draftedTokens.map(
    (count) => draftingSeconds + verifying(Math.min(sequences, Math.round(count / tokens))),
  );
  const plain = (asked.answerTokens - 1) * passSeconds(model!, alone, node);
  return plain / steps.reduce((a, b) => a + b, 0);
}

function passSeconds(
  architecture: ModelArchitecture,
  batch: PassRequest['batch'],
  { machineModel, factors }: OwnNode,
): number {
  const phase = batch[0]!.newTokens === 1 ? ('decode' as const) : ('prefill' as const);
  const request = { ...llamaCppSetting(PASS_DEFAULTS), phase, batch, logits: 'all' as const };
  const pass = counted(architecture, request, 1);
  const work = { name: 'decode' as const, tokens: pass.tokens, passes: [pass] };
  return expectPhase({ work, machineModel, factors: factorsAt(factors.threads, 1) }).predictedSeconds!;
}

/** @returns between which loads drafts stop paying, by a gain that falls below 1; null = they never do. */
export function crossing(gains: readonly { readonly sequences: number; readonly gain: number }[]): string {
  const at = gains.findIndex(({ gain }) => gain < 1);
  if (at === 0) return `does not pay at ${gains[0]!.sequences}`;
  if (at < 0) return `pays up to ${gains.at(-1)!.sequences}`;
  return `stops paying between ${gains[at - 1]!.sequences} and ${gains[at]!.sequences}`;
}
