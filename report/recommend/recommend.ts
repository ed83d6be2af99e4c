import { metricNamed } from '../../core/metrics/catalogue.js';
import { isFloatType } from '../../core/techniques/float-types.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import type { Interval } from '../../statistics/interval.js';
import type { Quoted } from '../quoted.js';
import { ratioIntervalText } from '../scale.js';
import type { Candidate } from './candidate.js';
import { absentFigure, chanceOf, exactFigure, type Figure, missOf, ratioOf } from './figure.js';
import { type Quantity, quantityName } from './quantity.js';
import type { Aim, Bound } from './question.js';

/**
 * What relative floors refer to: the row of the model's weights as they were published, or the best of all
 * rows.
 */
export type Reference = 'unquantized' | 'best';

export interface Question {
  readonly bounds: readonly Bound[];
  readonly aim: Aim;
  readonly reference: Reference;
  /** A row counts as sure from this chance on. */
  readonly confidence: number;
}

/** One bound at one candidate. */
export interface Kept {
  readonly bound: Bound;
  /** What was held against the limit: the bound's own quantity, or the paired one of a relative floor. */
  readonly quantity: Quantity;
  readonly figure: Figure;
  /** In the unit of the quantity; null = there is no reference row. */
  readonly limit: number | null;
  readonly meets: boolean;
  /** That it is kept; null where nothing is known of an error. */
  readonly chance: number | null;
  /** How far beyond the limit, as a share of it. */
  readonly miss: number;
}

export interface Judged {
  readonly candidate: Candidate;
  readonly aim: Figure;
  readonly verdicts: readonly Kept[];
  /**
   * The chance that all bounds are kept, at least (Bonferroni: however they depend on each other); null where
   * one is not known.
   */
  readonly chance: number | null;
  /** Why it is out; empty = it meets all by its numbers. */
  readonly excluded: readonly string[];
}

export interface Excluded {
  readonly reason: string;
  readonly rows: number;
  /** Those that nothing else excludes. */
  readonly alone: number;
}

/** A row that would meet all by what was measured alone. */
export interface AsMeasured {
  readonly candidate: Candidate;
  /** Of the objective. */
  readonly quoted: Quoted;
}

/** What came of a question. */
export interface Recommendation {
  readonly question: Question;
  readonly considered: number;
  readonly meeting: number;
  readonly recommended: Judged | null;
  /** Whether it is sure enough. */
  readonly sure: boolean;
  readonly runnerUp: { readonly judged: Judged; readonly why: string } | null;
  /** Where nothing meets: the row that misses by the least. */
  readonly nearest: Judged | null;
  /** Where nothing is recommended: the best of the rows that only lack a number which is not as measured. */
  readonly bestAsMeasured: AsMeasured | null;
  readonly excluded: readonly Excluded[];
  readonly notes: readonly string[];
}

/**
 * The best of the candidates that keep all bounds: first among those that are sure to, then among those that
 * keep them by their numbers.
 */
export function recommend(candidates: readonly Candidate[], question: Question): Recommendation {
  const notes: string[] = [];
  const judged = candidates.map((candidate) => judge(candidate, candidates, question, notes));
  const meeting = judged.filter(({ excluded }) => excluded.length === 0).sort(byRank(question));
  const [recommended = null, ...others] = meeting;
  // By its numbers alone: who is faster and less sure is to be known.
  const [second] = others.sort(byAim(question));
  return {
    question,
    considered: candidates.length,
    meeting: meeting.length,
    recommended,
    sure: recommended !== null && isSure(recommended, question),
    runnerUp:
      recommended === null || second === undefined
        ? null
        : { judged: second, why: whyLost(second, recommended, question) },
    nearest: recommended === null && question.bounds.length > 0 ? nearestOf(judged, question) : null,
    bestAsMeasured: recommended === null ? bestAsMeasured(judged, question) : null,
    excluded: reasonsOf(judged),
    notes: [...new Set(notes)],
  };
}

function judge(candidate: Candidate, all: readonly Candidate[], question: Question, notes: string[]): Judged {
  const { bounds, aim: wanted } = question;
  const aim = candidate.figure(wanted.quantity);
  const verdicts = bounds.map((bound) => keep(candidate, bound, all, question, notes));
  const name = quantityName(wanted.quantity);
  const excluded = [
    ...(candidate.problem === null ? [] : [candidate.problem]),
    ...verdicts.filter(({ meets }) => !meets).map(whyOut),
    ...(candidate.problem === null && aim.value === null ? [`no ${name}: ${aim.reason}`] : []),
  ];
  // What failed has no figures either: that it failed is why.
  const reasons = candidate.problem === null ? excluded : excluded.slice(0, 1);
  return { candidate, aim, verdicts, chance: jointChance(verdicts), excluded: reasons };
}

function whyOut({ bound, figure, limit }: Kept): string {
  if (limit === null) return `${bound.text}: there is no row to hold it against`;
  if (figure.value === null) return `${bound.text}: no ${quantityName(bound.quantity)}: ${figure.reason}`;
  return `misses ${bound.text}`;
}

/** By Bonferroni's inequality, which holds for bounds that are missed together or one at a time. */
function jointChance(verdicts: readonly Kept[]): number | null {
  if (verdicts.some(({ chance }) => chance === null)) return null;
  return Math.max(0, 1 - verdicts.reduce((sum, { chance }) => sum + (1 - chance!), 0));
}

function keep(
  candidate: Candidate,
  bound: Bound,
  all: readonly Candidate[],
  question: Question,
  notes: string[],
): Kept {
  const paired = pairedWith(candidate, bound, question);
  const quantity = paired?.quantity ?? bound.quantity;
  const figure = paired?.figure ?? candidate.figure(bound.quantity);
  const limit = paired?.limit ?? limitOf(candidate, bound, all, question, notes);
  const { value } = figure;
  if (value === null || limit.value === null) {
    const miss = Number.POSITIVE_INFINITY;
    return { bound, quantity, figure, limit: limit.value, meets: false, chance: null, miss };
  }
  const miss = missOf(value, limit.value, bound.side);
  // Whatever the error of a row is, it keeps a bound that is relative to itself.
  const held = 'own' in limit && limit.own ? exactFigure(value) : figure;
  const chance = chanceOf(held, limit, bound.side);
  return { bound, quantity, figure, limit: limit.value, meets: miss === 0, chance, miss };
}

/**
 * Metrics that compare each answer with the base's on the same text or items. They show far smaller
 * differences than two rows do.
 */
const PAIRED: Readonly<Record<string, string>> = {
  perplexity: 'perplexityRatio',
  taskScoreRatio: 'taskRetentionRatio',
};

/**
 * A floor relative to the published weights, by the metric that was paired with them where the sweep asked
 * its base.
 */
function pairedWith(candidate: Candidate, { quantity, limit }: Bound, { reference }: Question) {
  if (reference === 'best' || quantity.kind !== 'metric' || limit.kind === 'absolute' || !limit.share)
    return null;
  const metric = metricNamed(PAIRED[quantity.metric.name] ?? '');
  if (metric === undefined) return null;
  const paired: Quantity = { kind: 'metric', metric };
  const figure = candidate.figure(paired);
  return figure.value === null ? null : { quantity: paired, figure, limit: exactFigure(1 + limit.by) };
}

/**
 * The limit with its error. For a relative limit it is the error of the reference; the reference itself has
 * no error there.
 */
function limitOf(
  candidate: Candidate,
  { limit, quantity }: Bound,
  all: readonly Candidate[],
  { reference }: Question,
  notes: string[],
): Figure & { readonly own?: boolean } {
  if (limit.kind === 'absolute') return exactFigure(limit.value);
  const valid = all.filter(({ problem, figure }) => problem === null && figure(quantity).value !== null);
  const like = valid.filter(({ experiment }) => experiment.model.name === candidate.experiment.model.name);
  const plain = reference === 'best' ? [] : like.filter(isAsPublished);
  if (reference === 'unquantized' && plain.length === 0)
    notes.push(
      `no row of ${candidate.experiment.model.name} has weights as they were published: its floors are held against the best row`,
    );
  const pool = plain.length > 0 ? plain : reference === 'best' ? valid : like;
  const better = quantity.kind === 'metric' && quantity.metric.better === 'max' ? 1 : -1;
  const [best] = pool
    .map((one) => ({ one, figure: one.figure(quantity) }))
    .sort((a, b) => better * (b.figure.value! - a.figure.value!));
  if (best === undefined) return absentFigure('there is no row to hold it against');
  const limitFor = (value: number) => (limit.share ? value * (1 + limit.by) : value + limit.by);
  const own = best.one === candidate;
  const interval: Interval | null =
    best.figure.interval === null || own
      ? null
      : [limitFor(best.figure.interval[0]), limitFor(best.figure.interval[1])];
  return {
    value: limitFor(best.figure.value!),
    interval,
    exact: own || best.figure.exact,
    reason: null,
    own,
  };
}

/**
 * Weights in floats, or a file of which nobody knows more as it came, and nothing pruned, grouped or left
 * out.
 */
function isAsPublished({ experiment: { technique, model } }: Candidate): boolean {
  const { quantization, ...others } = technique;
  const { quantization: _, ...unchanged } = UNCHANGED;
  const same = Object.entries(unchanged).every(
    ([name, value]) => others[name as keyof typeof others] === value,
  );
  const type = quantization === UNCHANGED.quantization ? model.facts?.quantization : quantization;
  return same && (type == null || isFloatType(type));
}

const isSure = ({ chance }: Judged, { confidence }: Question) => chance !== null && chance >= confidence;

function byRank(question: Question): (a: Judged, b: Judged) => number {
  const better = byAim(question);
  return (a, b) => Number(isSure(b, question)) - Number(isSure(a, question)) || better(a, b);
}

function byAim({ aim }: Question): (a: Judged, b: Judged) => number {
  const sign = aim.better === 'max' ? 1 : -1;
  return (a, b) => sign * (b.aim.value! - a.aim.value!) || a.candidate.number - b.candidate.number;
}

/** Ratios nearer to 1 are called the same. */
const SAME = 1.001;

const onCalm = (figure: Figure): Figure =>
  figure.adjusted === undefined ? figure : { ...figure, ...figure.adjusted.calm };

/** In one sentence why the second is the second. */
function whyLost(second: Judged, first: Judged, question: Question): string {
  const { aim } = question;
  const name = quantityName(aim.quantity);
  // What rows of one run share is no difference between them: on a calm machine they are as far apart.
  const found = ratioOf(onCalm(second.aim), onCalm(first.aim));
  const ratio = found?.ratio ?? 1;
  const ahead = aim.better === 'max' ? ratio > 1 : ratio < 1;
  const size = `${(100 * Math.abs(ratio - 1)).toPrecision(2)} %`;
  const far = ratio === 1 ? `the same ${name}` : `${name} ${size} ${ratio > 1 ? 'higher' : 'lower'}`;
  if (isSure(first, question) && !isSure(second, question)) {
    const open = second.verdicts
      .filter(({ chance }) => chance === null || chance < question.confidence)
      .map(
        ({ bound, chance }) =>
          `${bound.text} ${chance === null ? 'with a chance that nobody knows' : `with ${percent(chance)} only`}`,
      );
    return `${far}, ${ahead ? 'but' : 'and'} it keeps ${open.join(' and ')}`;
  }
  const interval = found?.interval ?? null;
  if (interval === null) return `${far}; how sure that is, is not known`;
  const [low, high] = interval;
  if (low > 1 / SAME && high < SAME) return `the same ${name} within ${percent(SAME - 1)}`;
  const apart = low > 1 || high < 1;
  return apart ? far : `${far}, which may be chance (ratio ${ratioIntervalText(interval)})`;
}

/** @returns a chance for people: never 100 %, which nothing measured is. */
export function percent(chance: number): string {
  if (chance > 0.999) return 'over 99.9 %';
  return chance < 0.001 ? 'under 0.1 %' : `${Number((100 * chance).toPrecision(3))} %`;
}

/** The least of the largest misses; of equal ones the better by the objective. */
function nearestOf(judged: readonly Judged[], question: Question): Judged | null {
  const worst = ({ verdicts }: Judged) => Math.max(0, ...verdicts.map(({ miss }) => miss));
  const sign = question.aim.better === 'max' ? 1 : -1;
  const [nearest] = judged
    .filter((one) => one.candidate.problem === null && Number.isFinite(worst(one)))
    .sort((a, b) => worst(a) - worst(b) || sign * ((b.aim.value ?? 0) - (a.aim.value ?? 0)));
  return nearest ?? null;
}

/** The best by the objective among rows that are out for nothing but numbers which are as measured only. */
function bestAsMeasured(judged: readonly Judged[], { aim }: Question): AsMeasured | null {
  const found = judged.flatMap(({ candidate, aim: { asMeasured: quoted }, verdicts }): AsMeasured[] => {
    const keeps = ({ bound, figure, limit, meets }: Kept) =>
      meets ||
      (figure.asMeasured !== undefined &&
        limit !== null &&
        missOf(figure.asMeasured.value, limit, bound.side) === 0);
    return candidate.problem === null && quoted !== undefined && verdicts.every(keeps)
      ? [{ candidate, quoted }]
      : [];
  });
  const sign = aim.better === 'max' ? -1 : 1;
  return found.sort((a, b) => sign * (a.quoted.value - b.quoted.value))[0] ?? null;
}

function reasonsOf(judged: readonly Judged[]): Excluded[] {
  const found = new Map<string, { rows: number; alone: number }>();
  for (const { excluded } of judged) {
    for (const reason of excluded) {
      const counts = found.get(reason) ?? { rows: 0, alone: 0 };
      counts.rows += 1;
      if (excluded.length === 1) counts.alone += 1;
      found.set(reason, counts);
    }
  }
  return [...found].map(([reason, counts]) => ({ reason, ...counts })).sort((a, b) => b.rows - a.rows);
}
