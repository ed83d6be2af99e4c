import type { RefObject } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { quotedValue } from '../../../../report/quoted.js';
import type { Report } from '../../../../report/report.js';
import type { Row } from '../../../../report/rows.js';
import { metricOptions, Picker } from '../charts/choices.js';
import { type PlotData, PlotFrame } from '../charts/frame.js';
import type { Ranges } from '../table/ranges.js';
import { ImportanceBars } from './importance.js';
import { placeOf, type Range, type Upright, uprightsOf } from './scales.js';
import { BOTTOM, HEIGHT, TOP, UprightView } from './upright.js';

interface ParallelProps {
  readonly report: Report;
  /** Filtered, by these ranges too. */
  readonly rows: readonly Row[];
  readonly ranges: Ranges;
  onRanges(ranges: Ranges): void;
  readonly hovered: string | null;
}

const SIDE = 56;
/** Pixels from one line to the next, at least. */
const GAP = 92;

/**
 * Every row as one line over the axes that vary and some metrics; a stroke along an axis keeps the rows that
 * pass there.
 */
export function Parallel({ report, rows, ranges, onRanges, hovered }: ParallelProps) {
  const [chosen, setChosen] = useState<readonly string[] | null>(null);
  const [about, setAbout] = useState<string | null>(null);
  const drawing = useRef<SVGSVGElement>(null);
  const metrics = chosen ?? usualMetrics(report);
  const uprights = useMemo(() => uprightsOf(report, metrics), [report, metrics.join(' ')]);
  const metric = report.metrics.find(({ name }) => name === (about ?? metrics[0])) ?? report.metrics[0];
  if (report.axes.length === 0 || metric === undefined) return null;
  const brushed = Object.keys(ranges).length > 0;
  const toggle = (name: string) =>
    setChosen(metrics.includes(name) ? metrics.filter((one) => one !== name) : [...metrics, name]);
  return (
    <PlotFrame
      id="axes"
      title="Axes"
      kind="parallel"
      note={
        brushed
          ? `${rows.length} of ${report.rows.length} rows`
          : 'a stroke along an axis keeps the rows that pass there; so do arrow keys on it'
      }
      file={`${report.sweepName}-axes`}
      drawn={() => drawing.current}
      data={() => dataOf(uprights, rows)}
    >
      <Lines
        uprights={uprights}
        all={report.rows}
        rows={rows}
        ranges={ranges}
        onRanges={onRanges}
        hovered={hovered}
        drawing={drawing}
      />
      <div class="bar axes">
        <details class="chooser">
          <summary>Metrics</summary>
          <div class="sheet">
            {report.metrics.map(({ name, label }) => (
              <label key={name}>
                <input type="checkbox" checked={metrics.includes(name)} onChange={() => toggle(name)} />
                {label}
              </label>
            ))}
          </div>
        </details>
        {brushed && (
          <button type="button" class="plain" onClick={() => onRanges({})}>
            Show all
          </button>
        )}
        <Picker
          label="What matters for"
          value={metric.name}
          options={metricOptions(report.metrics)}
          onPick={setAbout}
        />
      </div>
      <ImportanceBars report={report} rows={rows} metric={metric} />
    </PlotFrame>
  );
}

/** The objectives; without any, the first columns. */
function usualMetrics({ objectives, metrics }: Report): string[] {
  const asked = metrics.filter(({ objective }) => objective);
  return (objectives.length > 0 && asked.length > 0 ? asked : metrics.slice(0, 2)).map(({ name }) => name);
}

interface LinesProps extends Pick<ParallelProps, 'rows' | 'ranges' | 'onRanges' | 'hovered'> {
  readonly uprights: readonly Upright[];
  readonly all: readonly Row[];
  readonly drawing: RefObject<SVGSVGElement | null>;
}

function Lines({ uprights, all, rows, ranges, onRanges, hovered, drawing }: LinesProps) {
  const frame = useRef<HTMLElement>(null);
  const width = Math.max(useWidth(frame), 2 * SIDE + GAP * (uprights.length - 1));
  const x = (i: number) =>
    uprights.length === 1 ? width / 2 : SIDE + ((width - 2 * SIDE) * i) / (uprights.length - 1);
  const y = (place: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - place);
  const path = (some: readonly Row[]) => some.map((row) => lineOf(row, uprights, x, y)).join('');
  const faint = useMemo(() => path(all), [all, uprights, width]);
  const strong = useMemo(() => path(rows.filter((row) => !row.onFront)), [rows, uprights, width]);
  const front = useMemo(() => path(rows.filter((row) => row.onFront)), [rows, uprights, width]);
  const pointed = all.find((row) => row.experimentId === hovered);

  const keep = (upright: Upright, range: Range | null) => {
    const { [upright.key]: _, ...others } = ranges;
    onRanges(range === null ? others : { ...others, [upright.key]: range });
  };
  return (
    <section class="sideways" aria-label="Rows over axes" ref={frame}>
      {/* biome-ignore lint/a11y/useSemanticElements: a drawing is no set of fields */}
      <svg
        ref={drawing}
        width={width}
        height={HEIGHT}
        role="group"
        aria-label={`${rows.length} rows over ${uprights.length} axes`}
      >
        <path class="faint" d={faint} />
        <path class="kept" d={strong} style={{ opacity: Math.max(0.15, Math.min(0.8, 40 / rows.length)) }} />
        <path class="front" d={front} />
        {pointed !== undefined && <path class="pointed" d={path([pointed])} />}
        {uprights.map((upright, i) => (
          <UprightView
            key={upright.key}
            upright={upright}
            x={x(i)}
            y={y}
            kept={ranges[upright.key] ?? null}
            onKeep={(range) => keep(upright, range)}
          />
        ))}
      </svg>
    </section>
  );
}

/** @returns the width of an element in pixels, also after it changed. */
function useWidth(frame: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return width;
}

/** A row's line; where it has no number the line has a gap. */
function lineOf(
  row: Row,
  uprights: readonly Upright[],
  x: (i: number) => number,
  y: (place: number) => number,
): string {
  let line = '';
  let open = false;
  uprights.forEach((upright, i) => {
    const value = upright.numberOf(row);
    if (value !== null)
      line += `${open ? 'L' : 'M'}${x(i).toFixed(1)} ${y(placeOf(upright, value)).toFixed(1)}`;
    open = value !== null;
  });
  return line;
}

function dataOf(uprights: readonly Upright[], rows: readonly Row[]): PlotData {
  const names = uprights.map(({ key }) => key.split(/:(.*)/s) as [string, string]);
  return {
    head: ['row', ...names.map(([, name]) => name)],
    lines: rows.map((row) => [
      row.number,
      ...names.map(([kind, name]) => (kind === 'axis' ? (row.axes[name] ?? null) : quotedValue(row, name))),
    ]),
  };
}
