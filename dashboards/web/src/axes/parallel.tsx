import type { RefObject } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Report } from '../../../../report/report.js';
import { metricOf, type Row } from '../../../../report/rows.js';
import { metricOptions, Picker } from '../charts/choices.js';
import { type PlotData, PlotFrame } from '../charts/frame.js';
import type { Ranges } from '../table/ranges.js';
import { ImportanceBars } from './importance.js';
import { keptText, placeOf, type Range, rangeByKey, type Upright, uprightsOf, valueAt } from './scales.js';

interface ParallelProps {
  readonly report: Report;
  /** Filtered, by these ranges too. */
  readonly rows: readonly Row[];
  readonly ranges: Ranges;
  onRanges(ranges: Ranges): void;
  readonly hovered: string | null;
}

const HEIGHT = 300;
const TOP = 44;
const BOTTOM = 16;
const SIDE = 56;
/** Pixels from one line to the next, at least. */
const GAP = 92;
/** Pixels of a band, at least. */
const THINNEST = 9;
/** A stroke that is shorter is a click. */
const STROKE = 4;

/** Every row as one line over the axes that vary and some metrics; a stroke along an axis keeps the rows that pass there. */
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
  const [room, setRoom] = useState(600);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => setRoom(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const width = Math.max(room, 2 * SIDE + GAP * (uprights.length - 1));
  const x = (i: number) =>
    uprights.length === 1 ? width / 2 : SIDE + ((width - 2 * SIDE) * i) / (uprights.length - 1);
  const y = (place: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - place);
  const path = (some: readonly Row[]) => some.map((row) => lineOf(row, uprights, x, y)).join('');
  const faint = useMemo(() => path(all), [all, uprights, width]);
  const strong = useMemo(() => path(rows.filter((row) => !row.onFront)), [rows, uprights, width]);
  const front = useMemo(() => path(rows.filter((row) => row.onFront)), [rows, uprights, width]);
  const pointed = all.find((row) => row.experimentId === hovered);
  const [stroke, setStroke] = useState<{ key: string; from: number; to: number } | null>(null);

  const heightAt = (event: PointerEvent): number => {
    const box = (event.currentTarget as SVGElement).ownerSVGElement?.getBoundingClientRect();
    const at = 1 - (event.clientY - (box?.top ?? 0) - TOP) / (HEIGHT - TOP - BOTTOM);
    return Math.max(0, Math.min(1, at));
  };
  const keep = (upright: Upright, range: Range | null) => {
    const { [upright.key]: _, ...others } = ranges;
    onRanges(range === null ? others : { ...others, [upright.key]: range });
  };
  const onKeyDown = (event: KeyboardEvent, upright: Upright) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = rangeByKey(upright, ranges[upright.key] ?? null, event.key, event.shiftKey);
    if (next === undefined) return;
    event.preventDefault();
    keep(upright, next);
  };
  const end = (upright: Upright) => {
    if (stroke === null) return;
    const far = Math.abs(stroke.from - stroke.to) * (HEIGHT - TOP - BOTTOM) >= STROKE;
    const [low, high] = [Math.min(stroke.from, stroke.to), Math.max(stroke.from, stroke.to)];
    keep(upright, far ? [valueAt(upright, low), valueAt(upright, high)] : null);
    setStroke(null);
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
        {uprights.map((upright, i) => {
          const band =
            stroke?.key === upright.key
              ? ([Math.min(stroke.from, stroke.to), Math.max(stroke.from, stroke.to)] as const)
              : ranges[upright.key]?.map((value) => placeOf(upright, value));
          const [low, high] = band ?? [];
          return (
            <g key={upright.key} data-axis={upright.key} transform={`translate(${x(i)} 0)`}>
              <text class="name" y={14}>
                <title>{upright.label}</title>
                {upright.label.length > 16 ? `${upright.label.slice(0, 15)}…` : upright.label}
              </text>
              <text class="unit" y={28}>
                {upright.unit}
              </text>
              <line y1={y(0)} y2={y(1)} />
              {upright.ticks.map(({ at, text }) => (
                <text key={at} class="tick" x={-5} y={y(placeOf(upright, at)) + 4}>
                  {text.length > 10 ? `${text.slice(0, 9)}…` : text}
                </text>
              ))}
              {low !== undefined && high !== undefined && (
                <rect class="band" x={-7} width={14} {...bandOf(y(high), y(low))} />
              )}
              <rect
                class="brush"
                x={-16}
                width={32}
                y={y(1) - 6}
                height={y(0) - y(1) + 12}
                tabindex={0}
                role="slider"
                aria-orientation="vertical"
                aria-label={`${upright.label}: arrows move what is kept, Shift widens it, Escape keeps all`}
                aria-valuemin={upright.low}
                aria-valuemax={upright.high}
                aria-valuenow={ranges[upright.key]?.[1] ?? upright.high}
                aria-valuetext={keptText(upright, ranges[upright.key] ?? null)}
                onKeyDown={(event) => onKeyDown(event, upright)}
                onPointerDown={(event) => {
                  event.currentTarget.setPointerCapture(event.pointerId);
                  setStroke({ key: upright.key, from: heightAt(event), to: heightAt(event) });
                }}
                onPointerMove={(event) => {
                  if (stroke?.key === upright.key) setStroke({ ...stroke, to: heightAt(event) });
                }}
                onPointerUp={() => end(upright)}
                onPointerCancel={() => setStroke(null)}
              />
            </g>
          );
        })}
      </svg>
    </section>
  );
}

/** From one height to another, and to be seen also where both are one. */
function bandOf(top: number, bottom: number): { y: number; height: number } {
  const height = Math.max(THINNEST, bottom - top);
  return { y: (top + bottom - height) / 2, height };
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
      ...names.map(([kind, name]) => (kind === 'axis' ? (row.axes[name] ?? null) : metricOf(row, name))),
    ]),
  };
}
