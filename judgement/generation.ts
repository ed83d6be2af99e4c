import { metricsOf } from '../core/metrics/catalogue.js';
import { type Warning, warn } from '../core/result/warnings.js';
import type { GenerationRecord, GenerationRepeat } from '../core/speculation/record.js';
import { median } from '../statistics/quantile.js';
import { allMissing, type Entries, type Entry, perRepeat } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';

const NO_DRAFTS = allMissing([...metricsOf('drafts'), ...metricsOf('draftSteps')], NOT_APPLICABLE.drafts);

/**
 * Logits by which a tie is decided: batches of other sizes are computed by other kernels, whose sums round
 * differently. Of two tokens that lie closer, either one is greedy.
 */
const TIE_LOGITS = 0.1;

/** How drafts did in verification, and whether answers are those of plain greedy decoding. */
export function generationFindings({ input, repeats: timed }: Evidence): Findings {
  const { generation } = input;
  if (generation === undefined) return { entries: NO_DRAFTS, warnings: [] };
  const { repeats, answerTokens } = generation;
  const perToken = timed.flatMap(({ decode }) =>
    decode === null ? [] : [decode.seconds / (answerTokens - 1)],
  );
  return {
    entries: {
      ...(repeats.some(({ drafted }) => drafted.length > 0) ? draftEntries(repeats) : NO_DRAFTS),
      timePerOutputTokenSeconds: perRepeat(perToken, NOT_APPLICABLE.decode),
    },
    warnings: differenceWarnings(generation),
  };
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

function draftEntries(repeats: readonly GenerationRepeat[]): Entries {
  const entry = (of: (repeat: GenerationRepeat) => number | null, reason: string): Entry =>
    perRepeat(
      repeats.flatMap((repeat) => of(repeat) ?? []),
      reason,
    );
  const share = (accepted: number, drafted: number) => (drafted === 0 ? null : accepted / drafted);
  const atPlace = (place: number) =>
    entry(
      ({ accepted, drafted }) => share(accepted[place - 1] ?? 0, drafted[place - 1] ?? 0),
      `no draft was ${place} tokens long`,
    );
  return {
    acceptanceLength: entry(
      ({ accepted, verifications }) => 1 + sum(accepted) / verifications,
      'nothing was verified',
    ),
    draftAcceptanceRatio: entry(
      ({ accepted, drafted }) => share(sum(accepted), sum(drafted)),
      'nothing was drafted',
    ),
    draftPlace1AcceptanceRatio: atPlace(1),
    draftPlace2AcceptanceRatio: atPlace(2),
    draftPlace4AcceptanceRatio: atPlace(4),
    draftPlace8AcceptanceRatio: atPlace(8),
    draftStepSeconds: entry(({ draftSeconds }) => median(draftSeconds), 'nothing was drafted'),
    verifyStepSeconds: entry(({ verifySeconds }) => median(verifySeconds), 'nothing was verified'),
  };
}

type Differences = GenerationRecord['differences'];

/** One warning of each kind, of the answer that differs most clearly. */
function differenceWarnings({ differences, sequences }: GenerationRecord): Warning[] {
  const warnOf = (code: 'answers-differ' | 'answers-tied', found: Differences): Warning[] => {
    if (found.length === 0) return [];
    const { sequence, token, lead } = found.reduce((a, b) => (b.lead > a.lead ? b : a));
    const message = `${found.length} of ${sequences} answers leave that of plain greedy decoding, number ${sequence + 1} at token ${token + 1}, where the best logit is ${lead.toPrecision(2)} above the next`;
    return [warn(code, message)];
  };
  const tied = ({ lead }: Differences[number]) => lead <= TIE_LOGITS;
  return [
    ...warnOf(
      'answers-differ',
      differences.filter((one) => !tied(one)),
    ),
    ...warnOf('answers-tied', differences.filter(tied)),
  ];
}
