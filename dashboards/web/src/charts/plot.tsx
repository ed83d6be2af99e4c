import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Report } from '../../../../report/report.js';
import type { Theme } from '../theme.js';
import { type Chart, ChartView, type Option, useFramedChart } from './chart.js';
import { useZoomGestures } from './gestures.js';
import { extentsOf, pixelOf } from './grid.js';
import { type Extent, logTicks, shift, WHOLE, type Zoom, zoomAbout } from './zoom.js';

/** The row that is pointed at or opened on any plot of a page. */
interface Pointing {
  readonly hovered: string | null;
  onHover(id: string | null): void;
  onOpen(id: string): void;
}

/** What the plots of a page have in common. */
export interface PlotsProps extends Pointing {
  readonly report: Report;
  readonly theme: Theme;
}

/** A point that keys can go to and a pointer can open. */
export interface PlotPoint {
  readonly row: string;
  readonly x: number;
  readonly y: number;
  /** What is said of it, built only when it is asked for. */
  text(): string;
}

/** A plot on one pair of axes. */
export interface Plot {
  readonly option: Option & { readonly xAxis: object; readonly yAxis: object };
  readonly xLog: boolean;
  readonly yLog: boolean;
  readonly points: readonly PlotPoint[];
  /** The row behind an item of the chart, if it is one. */
  rowAt(seriesIndex: number, dataIndex: number): string | undefined;
}

interface PlotProps extends Partial<Pointing> {
  readonly plot: Plot;
  readonly label: string;
  readonly height: number;
  readonly renderer: 'svg' | 'canvas';
}

const HELP =
  'Arrows go through the points, Enter opens the row; plus and minus zoom, 0 shows all, Shift and arrows move.';
const MOVES: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowDown: [0, -1],
  ArrowUp: [0, 1],
};

/** A chart in a frame that can be zoomed, and gone through, with the pointer and with keys. */
export function PlotView(props: PlotProps) {
  const { plot, label, height, renderer, hovered = null, onOpen } = props;
  const chart = useFramedChart();
  const { zoom, go, scale, shiftBy, option, target } = useZoom(plot, chart);
  const [at, setAt] = useState<number | null>(null);
  const [ring, setRing] = useState<[number, number] | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;

  const order = useMemo(() => [...plot.points].sort((a, b) => a.x - b.x || a.y - b.y), [plot]);
  const byRow = useMemo(() => new Map(order.map((point) => [point.row, point])), [order]);
  const walked = at === null ? null : (order[Math.min(at, order.length - 1)] ?? null);
  const marked = walked ?? (hovered === null ? null : (byRow.get(hovered) ?? null));
  const place = () =>
    setRing(chart.current === null || marked === null ? null : pixelOf(chart.current, marked.x, marked.y));
  useEffect(place, [marked, zoom]);

  const band = useZoomGestures(frame, chart, {
    onSpan: ({ x, y }) => go({ x: x ?? target.current.x, y: y ?? target.current.y }),
    onScale: scale,
  });

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = MOVES[event.key];
    if (move !== undefined && event.shiftKey) shiftBy(move);
    else if (move !== undefined) setAt(nextPoint(order, at, move[0] || move[1], zoom));
    else if (event.key === 'Home') setAt(nextPoint(order, null, 1, zoom));
    else if (event.key === 'End') setAt(nextPoint(order, null, -1, zoom));
    else if (event.key === '+' || event.key === '=') scale(0.7);
    else if (event.key === '-') scale(1 / 0.7);
    else if (event.key === '0') go(WHOLE);
    else if (event.key === 'Enter' && walked !== null) onOpen?.(walked.row);
    else return;
    event.preventDefault();
  };

  const zoomed = zoom.x !== null || zoom.y !== null;
  return (
    <div class="plot-area">
      {/* biome-ignore lint/a11y/useSemanticElements: a chart is no set of fields */}
      <div
        class="zoomable"
        ref={frame}
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keys go through the points inside
        tabIndex={0}
        aria-label={HELP}
        data-zoomed={zoomed}
        onKeyDown={onKeyDown}
        onBlur={() => setAt(null)}
        onDblClick={() => go(WHOLE)}
      >
        <ChartView
          option={option}
          label={label}
          height={height}
          renderer={renderer}
          onReady={(made) => listen(made, latest)}
          onDrawn={place}
        />
        {ring !== null && <i class="ring" style={{ left: `${ring[0]}px`, top: `${ring[1]}px` }} />}
        {band !== null && (
          <i class="band" style={{ left: band.x, top: band.y, width: band.width, height: band.height }} />
        )}
      </div>
      {zoomed && (
        <button type="button" class="plain whole" onClick={() => go(WHOLE)}>
          Show all
        </button>
      )}
      <p class="walked" aria-live="polite">
        {walked?.text()}
      </p>
    </div>
  );
}

/** The part of a plot that is seen, and what moves it. */
function useZoom(plot: Plot, chart: ReturnType<typeof useFramedChart>) {
  const [zoom, setZoom] = useState<Zoom>(WHOLE);
  const target = useRef<Zoom>(WHOLE);
  // A new plot is drawn with the zoom as it is; a new zoom alone changes the axes and leaves the data.
  const option = useMemo(() => withAxes(plot, target.current), [plot]);
  const go = (next: Zoom) => {
    target.current = next;
    chart.current?.setOption(axesOf(plot, next));
    setZoom(next);
  };
  // Axes of another kind have other values: what was zoomed to means nothing there.
  const axes = `${plot.xLog} ${plot.yLog} ${JSON.stringify([axisName(plot.option.xAxis), axisName(plot.option.yAxis)])}`;
  const before = useRef(axes);
  useEffect(() => {
    if (before.current !== axes) go(WHOLE);
    before.current = axes;
  }, [axes]);

  const extents = (): { x: Extent; y: Extent } | null => {
    const whole = chart.current === null ? null : extentsOf(chart.current);
    return whole === null ? null : { x: target.current.x ?? whole.x, y: target.current.y ?? whole.y };
  };
  const scale = (factor: number, atX = 0.5, atY = 0.5) => {
    const now = extents();
    if (now === null) return;
    go({ x: zoomAbout(now.x, plot.xLog, atX, factor), y: zoomAbout(now.y, plot.yLog, atY, factor) });
  };
  /** By a fifth of what is seen. */
  const shiftBy = ([right, up]: readonly [number, number]) => {
    const now = extents();
    if (now === null) return;
    go({ x: shift(now.x, plot.xLog, right * 0.2), y: shift(now.y, plot.yLog, up * 0.2) });
  };
  return { zoom, go, scale, shiftBy, option, target };
}

/** Tells which row is pointed at, once per row, and which is clicked. */
function listen(chart: Chart, latest: { readonly current: PlotProps }): void {
  let last: string | null = null;
  const highlight = (row: string | null) => {
    if (row !== last) latest.current.onHover?.(row);
    last = row;
  };
  const rowOf = (item: unknown) => {
    const { seriesIndex = -1, dataIndex = -1 } = item as { seriesIndex?: number; dataIndex?: number };
    return latest.current.plot.rowAt(seriesIndex, dataIndex);
  };
  chart.on('mousemove', (item) => highlight(rowOf(item) ?? null));
  chart.on('mouseout', () => highlight(null));
  chart.on('click', (item) => {
    const row = rowOf(item);
    if (row !== undefined) latest.current.onOpen?.(row);
  });
}

/**
 * @returns the next point in that direction that is in view, from one end where there is none yet; else the
 *   same.
 */
function nextPoint(order: readonly PlotPoint[], from: number | null, by: number, zoom: Zoom): number | null {
  const isInExtent = (v: number, extent: Extent | null) =>
    extent === null || (v >= extent.low && v <= extent.high);
  for (let i = (from ?? (by > 0 ? -1 : order.length)) + by; i >= 0 && i < order.length; i += by) {
    const point = order[i];
    if (point !== undefined && isInExtent(point.x, zoom.x) && isInExtent(point.y, zoom.y)) return i;
  }
  return from;
}

const axisName = (axis: object) => (axis as { name?: string }).name;

function withAxes(plot: Plot, zoom: Zoom): Option {
  const { xAxis, yAxis } = axesOf(plot, zoom);
  const merged = (axis: object, own: ReturnType<typeof axesOf>['xAxis']) => {
    const labels = (axis as { axisLabel?: object }).axisLabel;
    return { ...axis, ...own, axisLabel: { ...labels, ...own.axisLabel } };
  };
  return {
    ...plot.option,
    xAxis: merged(plot.option.xAxis, xAxis),
    yAxis: merged(plot.option.yAxis, yAxis),
  };
}

/** Ends and labels of both axes; between powers of ten the library's own logarithmic labels are too few. */
function axesOf({ xLog, yLog }: Plot, zoom: Zoom) {
  const axisOption = (extent: Extent | null, log: boolean) => {
    const ticks = extent === null || !log ? [] : logTicks(extent);
    return {
      min: extent?.low ?? null,
      max: extent?.high ?? null,
      axisLabel: { customValues: ticks.length < 2 ? null : ticks },
    };
  };
  return { xAxis: axisOption(zoom.x, xLog), yAxis: axisOption(zoom.y, yLog) };
}
