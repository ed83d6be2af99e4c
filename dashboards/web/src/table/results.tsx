import { useMemo } from 'preact/hooks';
import { axisText } from '../../../../report/columns.js';
import { csvText } from '../../../../report/csv.js';
import type { Report } from '../../../../report/report.js';
import type { Row } from '../../../../report/rows.js';
import { fileName, save } from '../save.js';
import { ColumnChooser } from './columns.js';
import { EMPTY_FILTER, type Filter, readWords, type StateFilter } from './filter.js';
import type { Sort } from './sort.js';
import { Table } from './table.js';

export interface ResultsProps {
  readonly report: Report;
  /** Filtered and sorted. */
  readonly rows: readonly Row[];
  readonly filter: Filter;
  onFilter(filter: Filter): void;
  readonly sort: Sort;
  onSort(sort: Sort): void;
  readonly columns: readonly string[];
  onColumns(columns: string[]): void;
  readonly selected: readonly string[];
  onToggle(id: string): void;
  readonly hovered: string | null;
  onHover(id: string | null): void;
  readonly opened: string | null;
  onOpen(id: string): void;
}

/** Axes with more values than this are found by typing, not by picking. */
const MOST_CHOICES = 40;

/** The table with everything that changes what it shows. */
export function Results(props: ResultsProps) {
  const { report, rows, filter, onFilter } = props;
  const total = report.rows.length;
  const { problems } = useMemo(() => readWords(report, filter.text), [report, filter.text]);
  return (
    <section class="results" aria-labelledby="results">
      <div class="bar">
        <h2 id="results">Results</h2>
        <States report={report} state={filter.state} onState={(state) => onFilter({ ...filter, state })} />
        <span class="spring" />
        <ColumnChooser report={report} columns={props.columns} onColumns={props.onColumns} />
        <button
          type="button"
          class="plain"
          onClick={() =>
            save(
              fileName(report.sweepName, '.csv'),
              new Blob([csvText({ ...report, rows })], { type: 'text/csv' }),
            )
          }
        >
          Save CSV
        </button>
      </div>
      <div class="bar filters">
        <input
          type="search"
          aria-label="Filter rows"
          placeholder="q4_k_m  parallel=4  decode>20"
          value={filter.text}
          aria-invalid={problems.length > 0}
          onInput={(event) => onFilter({ ...filter, text: event.currentTarget.value })}
        />
        {report.axes
          .filter((axis) => axis.values.length <= MOST_CHOICES)
          .map((axis) => (
            <label key={axis.name}>
              <span>{axis.name}</span>
              <select
                value={filter.axes[axis.name] ?? ''}
                onChange={(event) => {
                  const { [axis.name]: _, ...others } = filter.axes;
                  const value = event.currentTarget.value;
                  onFilter({ ...filter, axes: value === '' ? others : { ...others, [axis.name]: value } });
                }}
              >
                <option value="">any</option>
                {axis.values.map((value, i) => (
                  <option key={axisText(value)} value={axisText(value)}>
                    {axis.texts[i]}
                  </option>
                ))}
              </select>
            </label>
          ))}
        <span class="shown" role="status">
          {rows.length === total ? `${total} rows` : `${rows.length} of ${total} rows`}
          {rows.length !== total && (
            <button type="button" class="plain" onClick={() => onFilter(EMPTY_FILTER)}>
              Show all
            </button>
          )}
        </span>
      </div>
      {problems.length > 0 && (
        <p class="wrong" role="alert">
          {problems.join('. ')}
        </p>
      )}
      <Table {...props} />
    </section>
  );
}

function States({
  report,
  state,
  onState,
}: {
  report: Report;
  state: StateFilter;
  onState(s: StateFilter): void;
}) {
  const { valid, disturbed, invalid, failed, experiments } = report.counts;
  const front = useMemo(() => report.rows.filter((row) => row.onFront).length, [report]);
  const choices: [StateFilter, string, number][] = [
    ['all', 'All', experiments],
    ['front', 'Front', front],
    ['clean', 'Clean', valid - disturbed],
    ['disturbed', 'Disturbed', disturbed],
    ['invalid', 'Invalid', invalid],
    ['failed', 'Failed', failed],
  ];
  return (
    <fieldset class="states">
      <legend class="unseen">Which rows</legend>
      {choices
        .filter(([key, , count]) => count > 0 || key === 'all')
        .map(([key, name, count]) => (
          <button key={key} type="button" aria-pressed={state === key} onClick={() => onState(key)}>
            {name} <span class="quiet">{count}</span>
          </button>
        ))}
    </fieldset>
  );
}
