import { useMemo, useRef } from 'preact/hooks';
import { tellingAxes } from '../../../../report/columns.js';
import { rowLabels } from '../../../../report/row-labels.js';
import { NARROW, useMedia } from '../media.js';
import { Columns, TableHead } from './head.js';
import { ROW, useSameRowsInView } from './in-view.js';
import { useRowKeys, useRowsInView } from './keys.js';
import type { ResultsProps } from './results.js';
import { TableRow } from './row.js';
import { Widths } from './widths.js';

/** More rows than this scroll inside the table, under its heading. */
const LONG = 40;

/** A real table of which only the rows in view exist; the others are two spacers. */
export function Table(props: ResultsProps) {
  const { report, rows, sort, onSort, selected } = props;
  const { axes } = report;
  const scroller = useRef<HTMLDivElement>(null);
  const metrics = useMemo(
    () => props.columns.flatMap((name) => report.metrics.find((m) => m.name === name) ?? []),
    [report.metrics, props.columns],
  );
  const measured = useRef(new Widths());
  const narrow = useMedia(NARROW);
  const widths = useMemo(
    () => measured.current.widthsOf(report.rows, metrics, narrow),
    [report, metrics, narrow],
  );
  const nameOf = useMemo(() => rowLabels(tellingAxes(axes, report.rows)), [report]);
  useSameRowsInView(scroller, rows, sort, props.filter);
  const [first, last] = useRowsInView(scroller, rows.length);
  const { focused, setFocus, onKeyDown } = useRowKeys(scroller, rows, props);
  const rowCount = report.rows.length;
  return (
    <div class={rows.length > LONG ? 'scroller long' : 'scroller'} ref={scroller}>
      <table class={narrow ? 'narrow' : ''} aria-rowcount={rows.length + 1} onKeyDown={onKeyDown}>
        <Columns axes={axes} metrics={metrics} narrow={narrow} rowCount={rowCount} widths={widths} />
        <TableHead axes={axes} metrics={metrics} narrow={narrow} sort={sort} onSort={onSort} />
        <tbody>
          {first > 0 && <tr class="spacer" style={{ height: `${first * ROW}px` }} />}
          {rows.slice(first, last).map((row, i) => (
            <TableRow
              key={row.experimentId}
              axes={axes}
              name={nameOf(row.axes)}
              narrow={narrow}
              row={row}
              index={first + i}
              focused={row.experimentId === focused}
              metrics={metrics}
              swatch={selected.indexOf(row.experimentId)}
              hovered={props.hovered === row.experimentId}
              opened={props.opened === row.experimentId}
              onHover={props.onHover}
              onOpen={props.onOpen}
              onToggle={props.onToggle}
              onFocus={setFocus}
            />
          ))}
          {last < rows.length && <tr class="spacer" style={{ height: `${(rows.length - last) * ROW}px` }} />}
        </tbody>
      </table>
      {rows.length === 0 && <p class="empty">No row passes the filter.</p>}
    </div>
  );
}
