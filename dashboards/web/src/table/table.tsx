import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type AxisColumn, axisText, cellText, type MetricColumn } from '../../../../report/columns.js';
import type { Row } from '../../../../report/rows.js';
import { memo } from '../memo.js';
import { useNarrow } from '../narrow.js';
import { isTimed } from '../timed.js';
import { Codes, Failed, Mark, MetricCell } from './cells.js';
import { ROW, useSameRowsInView } from './in-view.js';
import type { ResultsProps } from './results.js';
import { Widths } from './widths.js';

const OVERSCAN = 8;
/** More rows than this scroll inside the table, under its heading. */
const LONG = 40;

/** A real table of which only the rows in view exist; the others are two spacers. */
export function Table(props: ResultsProps) {
  const { report, rows, sort, onSort, selected } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 640 });
  /** Experiment that keys are at; null = the first row. */
  const [focus, setFocus] = useState<string | null>(null);
  const wanted = useRef<number | null>(null);
  const metrics = useMemo(
    () => props.columns.flatMap((name) => report.metrics.find((m) => m.name === name) ?? []),
    [report.metrics, props.columns],
  );
  const measured = useRef(new Widths());
  const narrow = useNarrow();
  const widths = useMemo(() => measured.current.of(report.rows, metrics, narrow), [report, metrics, narrow]);
  useSameRowsInView(scroller, rows, sort, props.filter);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const read = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const watch = new ResizeObserver(read);
    watch.observe(element);
    element.addEventListener('scroll', read, { passive: true });
    return () => {
      watch.disconnect();
      element.removeEventListener('scroll', read);
    };
  }, []);

  // A row that was far away exists only now.
  useLayoutEffect(() => {
    if (wanted.current === null || scroller.current === null) return;
    const row = rowAt(scroller.current, wanted.current);
    if (row === null) return;
    wanted.current = null;
    row.focus({ preventScroll: true });
  });

  const first = Math.max(0, Math.floor(view.top / ROW) - OVERSCAN);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / ROW) + OVERSCAN);
  const focused = focus ?? rows[0]?.experimentId;

  const move = (to: number) => {
    const target = Math.max(0, Math.min(rows.length - 1, to));
    setFocus(rows[target]?.experimentId ?? null);
    const element = scroller.current;
    if (element === null) return;
    const head = element.querySelector('thead')?.clientHeight ?? 0;
    if (target * ROW < element.scrollTop) element.scrollTop = target * ROW;
    else if ((target + 1) * ROW + head > element.scrollTop + element.clientHeight) {
      element.scrollTop = (target + 1) * ROW + head - element.clientHeight;
    }
    const row = rowAt(element, target);
    if (row === null) wanted.current = target;
    else row.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (!(event.target instanceof HTMLTableRowElement)) return;
    // The row that has the focus says where we are: keys can come faster than the page is drawn.
    const from = wanted.current ?? Number(event.target.dataset.index);
    const row = rows[from];
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: 15,
      PageUp: -15,
      Home: -rows.length,
      End: rows.length,
    };
    const step = steps[event.key];
    if (step !== undefined) move(from + step);
    else if (event.key === 'Enter' && row !== undefined) props.onOpen(row.experimentId);
    else if (event.key === ' ' && row !== undefined) props.onToggle(row.experimentId);
    else return;
    event.preventDefault();
  };

  const head = (
    key: string,
    label: string,
    unit: string,
    help: string,
    numeric: boolean,
    better: string | null = null,
  ) => {
    const on = sort.key === key;
    const next = () => onSort({ key, descending: on ? !sort.descending : better === 'max' });
    return (
      <th
        key={key}
        scope="col"
        class={numeric ? 'number' : ''}
        aria-sort={on ? (sort.descending ? 'descending' : 'ascending') : 'none'}
      >
        <button type="button" onClick={next} title={help}>
          <span class="name">{label}</span>
          <span class="unit">{unit}</span>
        </button>
      </th>
    );
  };

  const axisCols = report.axes.map((axis) => (
    <col
      key={axis.name}
      style={{
        width: `${Math.max(axis.name.length + 3, ...axis.texts.map((text) => Math.min(30, text.length) + 3))}ch`,
      }}
    />
  ));
  const axisHeads = report.axes.map((axis) =>
    head(`axis:${axis.name}`, axis.name, '', `Axis ${axis.name}`, axis.numeric),
  );
  const pickHead = (
    <th scope="col">
      <span class="unseen">Compare</span>
    </th>
  );

  return (
    <div class={rows.length > LONG ? 'scroller long' : 'scroller'} ref={scroller}>
      <table class={narrow ? 'narrow' : ''} aria-rowcount={rows.length + 1} onKeyDown={onKeyDown}>
        <colgroup>
          {narrow ? (
            <col class="row-name" />
          ) : (
            <>
              <col style={{ width: '2.4rem' }} />
              <col style={{ width: `${String(report.rows.length).length + 5}ch` }} />
              {axisCols}
            </>
          )}
          {metrics.map((m, i) => (
            <col key={m.name} style={{ width: `${widths[i]}ch` }} />
          ))}
          {narrow && axisCols}
          <col class="warning-codes" />
          {narrow && <col style={{ width: '2.4rem' }} />}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {narrow ? (
              head('number', 'row', '', 'Place in the sweep, and what differs', false)
            ) : (
              <>
                {pickHead}
                {head('number', '#', '', 'Place in the sweep', true)}
                {axisHeads}
              </>
            )}
            {metrics.map((m) => head(`metric:${m.name}`, m.label, m.scale.unit, m.help, true, m.better))}
            {narrow && axisHeads}
            <th scope="col" class="warning-codes">
              <span>warnings</span>
            </th>
            {narrow && pickHead}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr class="spacer" style={{ height: `${first * ROW}px` }} />}
          {rows.slice(first, last).map((row, i) => (
            <TableRow
              key={row.experimentId}
              axes={report.axes}
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

/** @returns the whole word of a cell that shows less than it. */
function fullText(row: Row, axis: AxisColumn): string | undefined {
  const full = axisText(row.axes[axis.name]);
  return full === cellText(axis, row.axes[axis.name]) && full.length < 30 ? undefined : full;
}

function rowAt(scroller: HTMLElement, index: number): HTMLElement | null {
  return scroller.querySelector<HTMLElement>(`tr[data-index="${index}"]`);
}

interface RowProps {
  readonly axes: readonly AxisColumn[];
  /** Its name and its numbers come first, what it is made of after them. */
  readonly narrow: boolean;
  readonly hovered: boolean;
  readonly opened: boolean;
  onHover(id: string | null): void;
  onOpen(id: string): void;
  onToggle(id: string): void;
  readonly row: Row;
  readonly index: number;
  readonly focused: boolean;
  readonly metrics: readonly MetricColumn[];
  /** Place among the compared rows, which is its colour; -1 = not compared. */
  readonly swatch: number;
  onFocus(id: string): void;
}

/** Drawn again only when something of it has changed: scrolling and pointing leave the others alone. */
const TableRow = memo(function TableRow({
  row,
  index,
  focused,
  metrics,
  swatch,
  axes,
  narrow,
  hovered,
  opened,
  onHover,
  onOpen,
  onToggle,
  onFocus,
}: RowProps) {
  const id = row.experimentId;
  const pick = (
    <td class="pick">
      <input
        type="checkbox"
        tabIndex={-1}
        aria-label={`Compare row ${row.number}`}
        disabled={!isTimed(row.trial)}
        checked={swatch >= 0}
        style={swatch >= 0 ? { accentColor: `var(--c${swatch})` } : {}}
        onChange={() => onToggle(id)}
      />
    </td>
  );
  const axisCells = axes.map((axis) => (
    <td key={axis.name} class={axis.numeric ? 'number' : 'axis'} title={fullText(row, axis)}>
      {cellText(axis, row.axes[axis.name])}
    </td>
  ));
  const classes = [row.state, hovered ? 'hovered' : '', opened ? 'opened' : ''].join(' ');
  return (
    <tr
      class={classes}
      aria-rowindex={index + 2}
      data-index={index}
      data-row={row.number}
      tabIndex={focused ? 0 : -1}
      onFocus={() => onFocus(id)}
      onClick={(event) => {
        if (!(event.target as Element).closest('.pick')) onOpen(id);
      }}
      onMouseEnter={() => onHover(id)}
      onMouseLeave={() => onHover(null)}
    >
      {narrow ? (
        <td class="row-name" title={row.label}>
          <span>
            <Mark row={row} />
            <span class="place">{row.number}</span> {row.label}
          </span>
        </td>
      ) : (
        <>
          {pick}
          <td class="number place">
            <Mark row={row} />
            {row.number}
          </td>
          {axisCells}
        </>
      )}
      {metrics.map((m) => (
        <MetricCell key={m.name} row={row} metric={m} />
      ))}
      {narrow && axisCells}
      <td class="warning-codes">{row.state === 'failed' ? <Failed row={row} /> : <Codes row={row} />}</td>
      {narrow && pick}
    </tr>
  );
});
