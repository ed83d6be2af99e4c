import { Component, type FunctionComponent, h } from 'preact';
import { type AxisColumn, axisText, cellText, type MetricColumn } from '../../../../report/columns.js';
import type { Row } from '../../../../report/rows.js';
import { isTimed } from '../timed.js';
import { Codes, Failed, Mark, MetricCell } from './cells.js';

/** @returns the whole word of a cell that shows less than it. */
function fullText(row: Row, axis: AxisColumn): string | undefined {
  const full = axisText(row.axes[axis.name]);
  return full === cellText(axis, row.axes[axis.name]) && full.length < 30 ? undefined : full;
}

interface RowProps {
  readonly axes: readonly AxisColumn[];
  /** What tells it from others on a narrow screen. */
  readonly name: string;
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

/** @returns a component that is drawn again only when one of its properties is another. */
function memo<P extends object>(inner: FunctionComponent<P>): new () => Component<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now = this.props as P;
      return (Object.keys({ ...now, ...next }) as (keyof P)[]).some((key) => now[key] !== next[key]);
    }

    override render(props: P) {
      return h(inner, props);
    }
  };
}

/** Drawn again only when something of it has changed: scrolling and pointing leave the others alone. */
export const TableRow = memo(function TableRow({
  row,
  index,
  focused,
  metrics,
  swatch,
  axes,
  name,
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
            <span class="place">{row.number}</span> {name}
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
