import { useEffect, useMemo, useState } from 'preact/hooks';
import { driftSentence } from '../../../../report/apart.js';
import { asMeasuredText, briefVerdict, CHANGE_COLUMNS, movedText } from '../../../../report/change-text.js';
import { type Change, comparisonOf } from '../../../../report/compare.js';
import { byExperiment, summary } from '../../../../report/compare-summary.js';
import { linesOf } from '../../../../report/csv.js';
import type { Report } from '../../../../report/report.js';
import { metricText } from '../../../../report/scale.js';
import { ChartView } from '../charts/chart.js';
import { metricOptions, Picker } from '../charts/choices.js';
import { PlotFrame } from '../charts/frame.js';
import { Heads } from '../heads.js';
import type { Theme } from '../theme.js';
import { changesOption } from './changes-option.js';
import { Chooser } from './chooser.js';
import { apartOf, type Choice, pairsOf } from './sides.js';

/** Lines at most; the CSV has all. */
const MOST_LINES = 100;

/** The changes in words and figures, for those who cannot see the plot, and for everybody. */
function ChangesTable({ changes, label }: { changes: readonly Change[]; label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
    <section class="numbers" tabIndex={0} aria-label={`Changes of ${label}`}>
      <table class="figures changes">
        {changes.length > MOST_LINES && (
          <caption>{`the first ${MOST_LINES} of ${changes.length}; the CSV has all`}</caption>
        )}
        <Heads of={['experiment', 'change', '95 % interval', 'verdict', 'A', 'B']} />
        <tbody>
          {changes.slice(0, MOST_LINES).map((change, i) => {
            const [moved, interval] = movedText(change);
            return (
              <tr key={`${i} ${change.label}`}>
                <th scope="row">{change.label}</th>
                <td>{moved}</td>
                <td>{interval}</td>
                <td class={`verdict ${change.verdict}`} title={change.reason ?? undefined}>
                  {[briefVerdict(change), asMeasuredText(change)].filter(Boolean).join('; ')}
                </td>
                <td>{change.a === null ? '–' : metricText(change.metric, change.a)}</td>
                <td>{change.b === null ? '–' : metricText(change.metric, change.b)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** Another run that the page can get, such as another sweep of the same coordinator. */
export interface OtherRun {
  readonly id: string;
  readonly name: string;
  /** @throws Error with a sentence for people. */
  load(): Promise<Report>;
}

interface ComparisonProps {
  readonly report: Report;
  /** Experiments that are ticked in the table. */
  readonly selected: readonly string[];
  readonly theme: Theme;
  /** Besides those that the reader opens from a file. */
  readonly runs?: readonly OtherRun[];
}

/** With more rows than this nothing is compared until the reader chooses what: matching takes its time. */
const MOST_ROWS = 1000;
/** Pairs drawn at most: those that changed most. The table and the CSV have all. */
const MOST_DRAWN = 30;

/** How one metric changed between two values of an axis, two rows or two runs, with its uncertainty. */
export function Comparison({ report, selected, theme, runs = [] }: ComparisonProps) {
  const [chosen, setChosen] = useState<Choice | null>(null);
  const [name, setName] = useState<string | null>(null);
  const metrics = report.metrics.filter((m) => m.better !== null);
  const metric = metrics.find((m) => m.name === name) ?? metrics[0] ?? null;
  const first = useMemo(() => firstChoice(report), [report]);
  const choice = chosen ?? first;
  const many = report.rows.length > MOST_ROWS && chosen === null;
  const matched = useMemo(
    () => (choice === null || many ? null : pairsOf(report, choice)),
    [report, choice, many],
  );
  const apart = useMemo(() => (choice === null ? null : apartOf(report, choice)), [report, choice]);
  const { changes, overall } = useMemo(() => {
    if (matched === null || metric === null) return { changes: [], overall: [] };
    const all = comparisonOf(matched.pairs, [metric.name], { oneSitting: apart === null });
    return { ...all, changes: byExperiment(all.changes, [metric.name]).flat() };
  }, [matched, apart, metric?.name]);
  const drawn = useMemo(() => furthest(changes), [changes]);
  const option = useMemo(() => changesOption(drawn), [drawn, theme]);
  // An axis of before may be gone when results of another kind have come.
  useEffect(() => {
    if (chosen?.kind === 'axis' && !report.axes.some((axis) => axis.name === chosen.axis)) setChosen(null);
  }, [report]);
  if (metric === null) return null;
  return (
    <PlotFrame
      id="comparison"
      title="Comparison"
      kind="comparison"
      note={
        matched === null
          ? null
          : [counted(matched), summary({ changes, overall }, [metric.name]), driftSentence(apart)]
              .filter(Boolean)
              .join('; ')
      }
      file={`${report.sweepName}-comparison`}
      data={() => linesOf(changes, CHANGE_COLUMNS)}
    >
      <Chooser report={report} selected={selected} runs={runs} choice={choice} onChoice={setChosen}>
        <Picker label="Number" value={metric.name} options={metricOptions(metrics)} onPick={setName} />
      </Chooser>
      {drawn.length === 0 ? (
        <p class="empty">
          {choice === null || many
            ? 'Choose two values of an axis, tick two rows, or open another run.'
            : 'No experiment of A is one of B with numbers to compare.'}
        </p>
      ) : (
        <ChartView
          option={option}
          label={`Change of ${metric.label} from A to B, ${drawn.length} of ${changes.length} experiments`}
          height={drawn.length * 20 + 56}
        />
      )}
      {changes.length > 0 && <ChangesTable changes={[...overall, ...changes]} label={metric.label} />}
    </PlotFrame>
  );
}

/** The first two values of the first axis. */
function firstChoice(report: Report): Choice | null {
  const axis = report.axes[0];
  const [a, b] = axis?.values ?? [];
  if (axis === undefined || a === undefined || b === undefined) return null;
  return { kind: 'axis', axis: axis.name, a: String(a ?? 'default'), b: String(b ?? 'default') };
}

function furthest(changes: readonly Change[]): readonly Change[] {
  const distance = ({ kind, change }: (typeof changes)[number]) =>
    Math.abs(kind === 'ratio' ? Math.log(change ?? 1) : (change ?? 0));
  const known = changes.filter(({ change }) => change !== null && Number.isFinite(change));
  if (known.length <= MOST_DRAWN) return known;
  return [...known].sort((a, b) => distance(b) - distance(a)).slice(0, MOST_DRAWN);
}

function counted({ pairs, onlyA, onlyB }: ReturnType<typeof pairsOf>): string {
  const alone = [
    ...(onlyA.length === 0 ? [] : [`${onlyA.length} only in A`]),
    ...(onlyB.length === 0 ? [] : [`${onlyB.length} only in B`]),
  ];
  return [`${pairs.length} ${pairs.length === 1 ? 'pair' : 'pairs'}`, ...alone].join(', ');
}
