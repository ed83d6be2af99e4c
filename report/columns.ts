import type { AxisValue } from '../core/experiment/experiment.js';
import { METRICS, type MetricBetter, type MetricDefinition } from '../core/metrics/catalogue.js';
import { withoutEnding } from '../core/models/formats.js';
import { NAME } from '../core/sweep/labels.js';
import type { Objective } from '../core/sweep/spec.js';
import { TECHNIQUES } from '../core/techniques/index.js';
import { headOf } from '../core/techniques/spelling.js';
import { type ColumnChoice, chosenMetrics, EFFICIENT_LLM, QUALITY } from './column-sets.js';
import type { Scale } from './scale.js';

/**
 * Characters of a technique's word in a table; the full word is in the details and in every export of data.
 */
const ROOM = 26;

/**
 * Words of techniques carry all their settings (`wanda:60%?dsnot=strict&tokens=256`) and paths of files: too
 * much for a column. Here each keeps what tells it from the others of its column, and of the rest what fits.
 * @returns one text per word, in order; different words have different texts.
 */
export function shortWords(spellings: readonly string[]): string[] {
  const short = spellings.map((spelling) => shortWord(spelling, spellings));
  const isAmbiguous = (text: string, at: number) =>
    short.some((other, i) => other === text && spellings[i] !== spellings[at]);
  return short.map((text, i) => (isAmbiguous(text, i) ? (spellings[i] ?? text) : text));
}

/**
 * Long names that begin or end alike keep what tells them apart: `Llama-3.2-1B-Instruct-Q4_K_M` beside
 * `…-3B-…` is `…1B…`.
 * @returns one text per name, in order; different names have different texts.
 */
export function distinctParts(names: readonly string[]): string[] {
  if (names.length < 2 || names.every((name) => name.length <= ROOM)) return [...names];
  const parts = names.map((name) => name.split(/(?<=[-./: ])/));
  const shortest = Math.min(...parts.map(({ length }) => length));
  const countAlike = (at: (part: readonly string[], i: number) => string | undefined, most: number) => {
    let count = 0;
    while (count < most && new Set(parts.map((part) => at(part, count))).size === 1) count += 1;
    return count;
  };
  const head = countAlike((part, i) => part[i], shortest - 1);
  const tail = countAlike((part, i) => part.at(-1 - i), shortest - 1 - head);
  const short = parts.map((part) => {
    const middle = part.slice(head, part.length - tail).join('');
    return `${head > 0 ? '…' : ''}${middle.replace(/[-./: ]$/, '')}${tail > 0 ? '…' : ''}`;
  });
  return new Set(short).size === new Set(names).size ? short : [...names];
}

function shortWord(spelling: string, all: readonly string[]): string {
  const head = headOf(spelling);
  const settings = settingsOf(spelling);
  const rivals = all.filter((other) => other !== spelling && headOf(other) === head).map(settingsOf);
  const telling = (key: string) => rivals.some((other) => other.get(key) !== settings.get(key));
  const first = [...settings.keys()].filter(telling);
  const later = [...settings.keys()].filter((key) => !telling(key));
  let text = shortHead(head);
  for (const key of first) text += ` ${key}=${lastPart(settings.get(key) ?? '')}`;
  for (const key of later) {
    const longer = `${text} ${key}=${lastPart(settings.get(key) ?? '')}`;
    if (longer.length <= ROOM) text = longer;
  }
  return text;
}

/** `builtin:small-pgdoc-r4*0.5+adapters/r8.gguf` → `small-pgdoc-r4*0.5+r8`; heads that are no files stay. */
function shortHead(head: string): string {
  return head
    .split('+')
    .map((part) =>
      lastPart(part.replace(/^(builtin|synthetic|file|hf):/, '')).replace(/^[^*]+/, withoutEnding),
    )
    .join('+');
}

function lastPart(path: string): string {
  return path.split('/').findLast((part) => part !== '') ?? path;
}

function settingsOf(spelling: string): Map<string, string> {
  const query = spelling.slice(headOf(spelling).length + 1);
  return new Map(
    (query === '' ? [] : query.split('&')).map((pair) => {
      const [key = '', value = ''] = pair.split(/=(.*)/s);
      return [key, value] as const;
    }),
  );
}

/** An axis with more than one value among the rows: a column of every table. */
export interface AxisColumn {
  readonly name: string;
  /** Distinct values in the order they first appear. */
  readonly values: readonly AxisValue[];
  /** How tables write each value: long words of techniques are shortened, and stay different. */
  readonly texts: readonly string[];
  readonly numeric: boolean;
}

/** A metric that at least one row has a number for, or that the reader asked for by name. */
export interface MetricColumn {
  readonly name: string;
  /** Without its unit, which is in `scale.unit`. */
  readonly label: string;
  /** Unit of the stored values. */
  readonly baseUnit: string;
  readonly better: MetricBetter;
  readonly help: string;
  readonly scale: Scale;
  /** In a table unless the reader chose other columns. */
  readonly shown: boolean;
  readonly objective: boolean;
}

/** @returns how an axis value is written in tables: `null` is the engine's own default. */
export function axisText(value: AxisValue | undefined): string {
  if (value === null || value === undefined) return 'default';
  return String(value);
}

/** @returns the values of an axis as tables write them, in order. */
export function axisTexts(name: string, values: readonly AxisValue[]): string[] {
  if (name === NAME) return values.map((value) => (value === null ? '-' : String(value)));
  const texts = values.map(axisText);
  if (name === 'model') return distinctParts(texts);
  return TECHNIQUES.some((technique) => technique.name === name) ? shortWords(texts) : texts;
}

/** @returns a value as its column writes it. */
export function cellText(column: AxisColumn, value: AxisValue | undefined): string {
  return column.texts[placeOf(column, value ?? null)] ?? axisText(value);
}

/** Columns with more values than this are looked up: every row asks. */
const LONG = 12;
const PLACES = new WeakMap<AxisColumn, Map<AxisValue, number>>();

function placeOf(column: AxisColumn, value: AxisValue): number {
  const { values } = column;
  if (values.length <= LONG) return values.indexOf(value);
  const places = PLACES.get(column) ?? new Map(values.map((one, i) => [one, i]));
  PLACES.set(column, places);
  return places.get(value) ?? -1;
}

/**
 * Axis → its values in the order in which rows show them, each with where it was seen first; undefined = no
 * value.
 */
export type FirstSeen<Place> = Map<string, Map<AxisValue | undefined, Place>>;

/**
 * @returns the axes that vary as columns, and the others with their one value for a caption. An option that
 *   some rows do not have, for their runner or workload has none of that name, does not vary for that: the
 *   runner does.
 */
export function axisColumns(seen: FirstSeen<unknown>): {
  varying: AxisColumn[];
  constant: { name: string; value: AxisValue }[];
} {
  const varying: AxisColumn[] = [];
  const constant: { name: string; value: AxisValue }[] = [];
  for (const [name, values] of seen) {
    const distinct = [...values.keys()].map((v) => v ?? null);
    const said = values.size - (values.has(undefined) ? 1 : 0);
    if (said > 1) {
      const numeric = distinct.every((v) => typeof v === 'number');
      varying.push({ name, values: distinct, texts: axisTexts(name, distinct), numeric });
    } else constant.push({ name, value: [...values.keys()].find((value) => value !== undefined) ?? null });
  }
  return { varying, constant };
}

/**
 * @returns the axes without those that say in every row what one before them says, as of two options that are
 *   set together.
 */
export function tellingAxes(
  axes: readonly AxisColumn[],
  rows: readonly { readonly axes: Readonly<Record<string, AxisValue>> }[],
): AxisColumn[] {
  const repeats = (one: AxisColumn, other: AxisColumn) =>
    rows.every((row) => cellText(one, row.axes[one.name]) === cellText(other, row.axes[other.name]));
  return axes.filter((axis, i) => !axes.slice(0, i).some((before) => repeats(before, axis)));
}

/** @returns the names of the metrics that a choice shows, in its order, whether they were measured or not. */
export function shownMetrics(objectives: readonly Objective[], choice: ColumnChoice | null): Set<string> {
  // What a technique costs in quality is read beside its speed and size, before the finer points of timing.
  const usual = METRICS.filter((m) => m.column !== null).map((m) => m.name as string);
  const byDefault = [
    ...new Set(objectives.map((o) => o.metric)),
    ...usual.filter((name) => QUALITY.has(name)),
    ...usual,
  ];
  return chosenMetrics(choice ?? ['default'], byDefault);
}

/** Headings of metrics that are columns only when asked for, where their names are too long for one. */
const HEADINGS: Readonly<Record<string, string>> = {
  ...EFFICIENT_LLM,
  timePerOutputTokenSeconds: 'TPOT',
  kvCacheBytes: 'KV cache',
  bitsPerWeight: 'bits/weight',
  compressionRatio: 'compression',
  weightSparsityRatio: 'zeros',
  makeSeconds: 'making',
  perplexityRatio: 'PPL ratio',
  klDivergenceP99Nats: 'KLD p99',
  energyPerTotalTokenJoules: 'energy/token',
  scheduledTimeToFirstTokenP50Seconds: 'TTFT p50',
  scheduledTimeToFirstTokenP99Seconds: 'TTFT p99',
  serviceTimeToFirstTokenP50Seconds: 'service TTFT p50',
  serviceTimeToFirstTokenP90Seconds: 'service TTFT p90',
  serviceTimeToFirstTokenP99Seconds: 'service TTFT p99',
  requestTimePerOutputTokenP90Seconds: 'TPOT p90',
  requestTimePerOutputTokenP99Seconds: 'TPOT p99',
  scheduledLatencyP50Seconds: 'latency p50',
  scheduledLatencyP90Seconds: 'latency p90',
  scheduledLatencyP99Seconds: 'latency p99',
  meanQueuedRequests: 'queued',
  meanRunningRequests: 'running',
  kvCacheUsageRatio: 'KV used',
  prefixCacheHitRatio: 'prefix hits',
  acceptanceLength: 'accepted',
  draftAcceptanceRatio: 'drafts accepted',
  draftPlace1AcceptanceRatio: 'at place 1',
  draftPlace2AcceptanceRatio: 'at place 2',
  draftPlace4AcceptanceRatio: 'at place 4',
  draftPlace8AcceptanceRatio: 'at place 8',
  draftStepSeconds: 'drafting',
  verifyStepSeconds: 'verifying',
  energyPerAcceptedDraftTokenJoules: 'energy/accepted',
  generatorLagP99Seconds: 'lag p99',
};

/** @returns a metric's heading without its unit. */
export function labelOf({ name, column }: MetricDefinition): string {
  return column ?? HEADINGS[name] ?? spacedWords(name);
}

const UNIT_SUFFIX = /(Seconds|Bytes|Joules|Watts|Hertz|Celsius|Nats)$/;

/**
 * @returns a metric's name as words, its unit cut off: `timePerOutputTokenSeconds` → `time per output token`.
 */
function spacedWords(name: string): string {
  const bare = name.replace(UNIT_SUFFIX, '').replace('interTokenLatency', 'ITL ');
  return bare
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(' ')
    .map((part) => (/^(ITL|P\d+)$/.test(part) ? part.replace(/^P/, 'p') : part.toLowerCase()))
    .join(' ');
}
