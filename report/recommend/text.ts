import { bestAsMeasuredText, rowName } from '../as-measured.js';
import { quantity as amount, metricText } from '../scale.js';
import type { Candidate } from './candidate.js';
import { exactFigure, type Figure } from './figure.js';
import { type Quantity, quantityName, unitOf } from './quantity.js';
import { type AsMeasured, type Judged, type Kept, percent, type Recommendation } from './recommend.js';

const HOW = {
  measured: 'measured',
  between: 'between measured loads',
  predicted: 'predicted, not measured',
} as const;

/** @returns what was recommended and why, for people, a line each. */
export function recommendationText(found: Recommendation, currency: string | null): string {
  const { recommended, nearest, bestAsMeasured, question, considered, meeting } = found;
  const textOf = (quantity: Quantity, figure: Figure) => figureText(quantity, figure, currency);
  const line = (judged: Judged) =>
    `${nameOf(judged.candidate)}: ${quantityName(question.aim.quantity)} ${textOf(question.aim.quantity, judged.aim)}`;
  const lines: string[] = [];
  if (recommended !== null) {
    lines.push(`recommended: ${line(recommended)} (${howText(recommended, question.aim.quantity)})`);
    lines.push(...recommended.verdicts.map((kept) => `  ${keptText(kept, textOf)}`));
    if (recommended.verdicts.length > 1)
      lines.push(
        `  all of it: ${recommended.chance === null ? 'how sure is not known' : `at least ${percent(recommended.chance)} sure`}`,
      );
    if (!found.sure && recommended.verdicts.length > 0)
      lines.push(
        `  no row is ${percent(question.confidence)} sure to keep all bounds; this one does by its numbers`,
      );
    lines.push(
      found.runnerUp === null
        ? 'no other row keeps all bounds'
        : `runner-up: ${line(found.runnerUp.judged)}: ${found.runnerUp.why}`,
    );
  } else {
    lines.push(
      question.bounds.length === 0
        ? `nothing is recommended: none of ${considered} rows has a number that is compared`
        : `nothing keeps all bounds: none of ${considered} rows`,
    );
    if (bestAsMeasured !== null) {
      const { candidate, quoted } = bestAsMeasured;
      lines.push(bestAsMeasuredText(nameOf(candidate), quantityName(question.aim.quantity), quoted));
    }
    if (nearest !== null) {
      lines.push(`nearest: ${line(nearest)} (${howText(nearest, question.aim.quantity)})`);
      lines.push(...nearest.verdicts.map((kept) => `  ${keptText(kept, textOf)}`));
    }
  }
  if (recommended !== null || question.bounds.length > 0)
    lines.push(`${meeting} of ${considered} rows keep all bounds`);
  for (const { reason, rows, alone } of found.excluded) {
    const only = alone > 0 && alone < rows ? ` (${alone} by nothing else)` : '';
    lines.push(`  out: ${rows}: ${reason}${only}`);
  }
  lines.push(...found.notes);
  return lines.join('\n');
}

/** Nearer to what was measured than this a number is called measured. */
const AS_MEASURED = 1.01;

/** @returns where a number comes from; of an adjusted one also what was measured. */
function howText({ candidate, aim }: Judged, quantity: Quantity): string {
  const { value, adjusted } = aim;
  if (value === null || adjusted === undefined || quantity.kind !== 'metric') return HOW[candidate.from];
  const ratio = value / adjusted.asMeasured;
  if (Math.max(ratio, 1 / ratio) < AS_MEASURED) return HOW[candidate.from];
  return `this run; ${metricText(quantity.metric.name, adjusted.asMeasured)} as measured`;
}

const nameOf = (candidate: Candidate): string =>
  candidate.from === 'measured' ? rowName(candidate) : candidate.label;

function keptText(
  { bound, quantity, figure, limit, meets, chance, miss }: Kept,
  textOf: (quantity: Quantity, figure: Figure) => string,
): string {
  const has = `${quantityName(quantity)} ${textOf(quantity, figure)}`;
  const asked =
    bound.limit.kind === 'absolute' || limit === null
      ? ''
      : ` (limit ${textOf(quantity, exactFigure(limit))})`;
  if (!meets)
    return figure.value === null
      ? `${bound.text}: ${figure.reason}`
      : `${bound.text}${asked}: missed by ${(100 * miss).toPrecision(2)} %: ${has}`;
  const sure =
    chance === null
      ? `how sure is not known: ${figure.reason ?? 'it has no interval'}`
      : `${percent(chance)} sure`;
  const crosses = chance !== null && chance < 0.975 ? '; its interval crosses the bound' : '';
  return `${bound.text}${asked}: ${has}, ${sure}${crosses}`;
}

/** @returns a value with its interval and unit. */
function figureText(
  quantity: Quantity,
  { value, interval, reason }: Figure,
  currency: string | null,
): string {
  if (value === null) return `– (${reason})`;
  if (quantity.kind === 'metric') return metricText(quantity.metric.name, value, interval);
  const unit = unitOf(quantity);
  const numberText = (number: number) =>
    unit === null ? `${Number(number.toPrecision(3))} ${currency ?? ''}`.trim() : amount(number, unit);
  return interval === null
    ? numberText(value)
    : `${numberText(value)} [${numberText(interval[0])}, ${numberText(interval[1])}]`;
}

const SCHEMA = 'ridgepoint.dev/recommendation/v1';

/** @returns the same as data; fields are only ever added to it. */
export function recommendationData(found: Recommendation): object {
  const { question, recommended, runnerUp, nearest, bestAsMeasured, ...counts } = found;
  return {
    schema: SCHEMA,
    objective: { quantity: quantityName(question.aim.quantity), better: question.aim.better },
    confidence: question.confidence,
    bounds: question.bounds.map(({ role, text }) => ({ role, text })),
    ...counts,
    recommended: recommended === null ? null : judgedData(recommended),
    runnerUp: runnerUp === null ? null : { ...judgedData(runnerUp.judged), why: runnerUp.why },
    nearest: nearest === null ? null : judgedData(nearest),
    bestAsMeasured: bestAsMeasured === null ? null : asMeasuredData(bestAsMeasured),
  };
}

function asMeasuredData({ candidate, quoted: { value, range } }: AsMeasured): object {
  const { number, label, experiment } = candidate;
  return { row: number, label, experimentId: experiment.id, value, range };
}

function judgedData({ candidate, aim, verdicts: kept, chance }: Judged): object {
  const { number, label, from, starts, axes, experiment } = candidate;
  const figure = ({ value, interval, reason }: Figure) => ({ value, ci95: interval, reason });
  return {
    row: from === 'measured' ? number : null,
    label,
    from,
    starts,
    experimentId: experiment.id,
    axes,
    objective: figure(aim),
    chance,
    bounds: kept.map(({ bound, quantity, figure: own, limit, meets, chance: kept1, miss }) => ({
      bound: bound.text,
      quantity: quantityName(quantity),
      limit,
      meets,
      chance: kept1,
      missedBy: Number.isFinite(miss) ? miss : null,
      ...figure(own),
    })),
  };
}
