import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { quotedOf } from '../../../report/quoted.js';
import type { Report } from '../../../report/report.js';
import type { Row } from '../../../report/rows.js';
import type { Details } from '../../../report/trim.js';
import { Parallel } from './axes/parallel.js';
import { Latency } from './charts/latency.js';
import { Load } from './charts/load.js';
import { Pareto } from './charts/pareto.js';
import { Roofline } from './charts/roofline.js';
import { Comparison, type OtherRun } from './compare/comparison.js';
import { Detail } from './detail/detail.js';
import { Footer } from './footer.js';
import { Header } from './header.js';
import { Paced } from './paced.js';
import { Pivot } from './pivot/pivot.js';
import { useSame } from './same.js';
import { defaultColumns } from './table/columns.js';
import { EMPTY_FILTER, type Filter, filterRows } from './table/filter.js';
import { Results } from './table/results.js';
import { type Sort, sortRows } from './table/sort.js';
import type { Theme } from './theme.js';
import { isTimed } from './timed.js';
import { Ways } from './ways/ways.js';

/** Rows whose distributions can be told apart on one plot. */
const MOST_SELECTED = 8;

export interface ReportPageProps {
  /** May be replaced by a newer one at any time: what the reader chose stays chosen. */
  readonly report: Report;
  readonly details: Details;
  readonly theme: Theme;
  /** The line above the title. */
  readonly top: ComponentChildren;
  /** What stands between the title and the plots: the progress of a sweep that is followed. */
  readonly progress?: ComponentChildren;
  /** Other runs that this one can be compared with, besides files. */
  readonly runs?: readonly OtherRun[];
}

/** Everything there is to see of one sweep, in report.html and live alike. */
export function ReportPage({ report, details, theme, top, progress, runs }: ReportPageProps) {
  const [filter, setFilter] = useState<Filter>(EMPTY_FILTER);
  const [sort, setSort] = useState<Sort>({ key: 'number', descending: false });
  const [chosenColumns, setColumns] = useState<readonly string[] | null>(null);
  const [picked, setPicked] = useState<readonly string[] | null>(null);
  const [hovered, setHovered] = useState<string | null>(null);
  const [opened, setOpened] = useState<string | null>(null);

  const rows = useMemo(() => sortRows(filterRows(report, filter), sort), [report, filter, sort]);
  const shown = useMemo(() => ({ report, rows }), [report, rows]);
  const paced = { value: shown, choice: filter, rows: report.rows.length };
  const columns = useMemo(() => chosenColumns ?? defaultColumns(report), [chosenColumns, report.metrics]);
  const selected = useSame(useMemo(() => picked ?? firstSelection(report), [picked, report]));
  const toggle = useCallback(
    (id: string) =>
      setPicked(
        selected.includes(id)
          ? selected.filter((other) => other !== id)
          : [...selected, id].slice(-MOST_SELECTED),
      ),
    [selected],
  );
  const open = report.rows.find((row) => row.experimentId === opened) ?? null;

  useEscape(() => setOpened(null));

  const header = useMemo(() => <Header report={report} top={top} onOpen={setOpened} />, [report, top]);
  // Pointing at rows draws the page often; what does not point stays as it is.
  const answers = useMemo(
    () => <Answers paced={paced} selected={selected} theme={theme} runs={runs} onFilter={setFilter} />,
    [shown, filter, selected, theme, runs],
  );

  const plots = { report, theme, hovered, onHover: setHovered, onOpen: setOpened };
  return (
    <>
      {header}
      <main>
        {progress}
        <div class="plots">
          <Paced {...paced}>{(seen) => <Pareto {...plots} {...seen} />}</Paced>
          <Paced {...paced}>{(seen) => <Load {...plots} {...seen} />}</Paced>
          {isServed(report) ? null : <Latency {...plots} selected={selected} />}
          <Paced {...paced}>{(seen) => <Roofline {...plots} {...seen} />}</Paced>
        </div>
        <Results
          report={report}
          rows={rows}
          filter={filter}
          onFilter={setFilter}
          sort={sort}
          onSort={setSort}
          columns={columns}
          onColumns={setColumns}
          selected={selected}
          onToggle={toggle}
          hovered={hovered}
          onHover={setHovered}
          opened={opened}
          onOpen={setOpened}
        />
        <div class="plots">
          <Paced {...paced}>
            {(seen) => (
              <Parallel
                {...seen}
                ranges={filter.ranges}
                onRanges={(ranges) => setFilter((now) => ({ ...now, ranges }))}
                hovered={hovered}
              />
            )}
          </Paced>
        </div>
        {answers}
        <Footer report={report} details={details} />
      </main>
      {open !== null && <Detail report={report} row={open} theme={theme} onClose={() => setOpened(null)} />}
    </>
  );
}

interface AnswersProps {
  readonly paced: { readonly value: Seen; readonly choice: Filter; readonly rows: number };
  readonly selected: readonly string[];
  readonly theme: Theme;
  readonly runs: readonly OtherRun[] | undefined;
  onFilter(change: (now: Filter) => Filter): void;
}

/** A report and the rows of it that the reader's filter keeps. */
interface Seen {
  readonly report: Report;
  readonly rows: readonly Row[];
}

/** What answers a question of its own: comparisons, ways of ranking, tables of two axes. */
function Answers({ paced, selected, theme, runs, onFilter }: AnswersProps) {
  return (
    <div class="plots">
      <Paced {...paced}>
        {(seen) => (
          <Comparison
            report={seen.report}
            selected={selected}
            theme={theme}
            {...(runs !== undefined && { runs })}
          />
        )}
      </Paced>
      <Paced {...paced}>{(seen) => <Ways rows={seen.rows} sweepName={paced.value.report.sweepName} />}</Paced>
      <Paced {...paced}>
        {(seen) => (
          <Pivot
            {...seen}
            onCell={(axes) => onFilter((now) => ({ ...now, axes: { ...now.axes, ...axes } }))}
          />
        )}
      </Paced>
    </div>
  );
}

function useEscape(onEscape: () => void): void {
  useEffect(() => {
    const close = (event: KeyboardEvent) => {
      if (event.key === 'Escape') onEscape();
    };
    window.addEventListener('keydown', close);
    return () => window.removeEventListener('keydown', close);
  }, []);
}

/** Requests to servers have plots of their own. */
function isServed(report: Report): boolean {
  return (
    report.rows.some((row) => quotedOf(row, 'requestsPerSecond') !== null) &&
    !report.rows.some(({ trial }) => isTimed(trial))
  );
}

/** What a reader most likely wants to compare first: the front, or the first rows where there is none. */
function firstSelection(report: Report): string[] {
  const front = report.rows.filter((row) => row.onFront && isTimed(row.trial));
  const first: Row[] = front.length > 1 ? front.slice(0, 5) : [];
  for (let i = 0; front.length < 2 && i < report.rows.length && first.length < 5; i++) {
    const row = report.rows[i];
    if (row !== undefined && isTimed(row.trial)) first.push(row);
  }
  return first.map((row) => row.experimentId);
}
