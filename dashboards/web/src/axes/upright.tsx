import { useState } from 'preact/hooks';
import { keptText, placeOf, type Range, rangeByKey, type Upright, valueAt } from './scales.js';

/** Pixels of the drawing, and what it leaves free above and below the axes. */
export const HEIGHT = 300;
export const TOP = 44;
export const BOTTOM = 16;
/** Pixels of a band, at least. */
const THINNEST = 9;
/** A stroke of fewer pixels is a click. */
const SHORTEST_STROKE = 4;

interface UprightViewProps {
  readonly upright: Upright;
  /** Pixels from the left. */
  readonly x: number;
  /** @returns pixels from the top. @param place 0 (bottom) to 1 (top). */
  y(place: number): number;
  /** What the reader keeps of this axis; null = everything. */
  readonly kept: Range | null;
  onKeep(range: Range | null): void;
}

/** One axis with its ticks, and the band that a stroke of the pointer or keys keep. */
export function UprightView({ upright, x, y, kept, onKeep }: UprightViewProps) {
  const [stroke, setStroke] = useState<{ from: number; to: number } | null>(null);
  const endStroke = () => {
    if (stroke === null) return;
    const isStroke = Math.abs(stroke.from - stroke.to) * (HEIGHT - TOP - BOTTOM) >= SHORTEST_STROKE;
    const [low, high] = [Math.min(stroke.from, stroke.to), Math.max(stroke.from, stroke.to)];
    onKeep(isStroke ? [valueAt(upright, low), valueAt(upright, high)] : null);
    setStroke(null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = rangeByKey(upright, kept, event.key, event.shiftKey);
    if (next === undefined) return;
    event.preventDefault();
    onKeep(next);
  };
  const [low, high] =
    stroke === null
      ? (kept ?? []).map((value) => placeOf(upright, value))
      : [Math.min(stroke.from, stroke.to), Math.max(stroke.from, stroke.to)];
  return (
    <g data-axis={upright.key} transform={`translate(${x} 0)`}>
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
        aria-valuenow={kept?.[1] ?? upright.high}
        aria-valuetext={keptText(upright, kept)}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setStroke({ from: heightOf(event), to: heightOf(event) });
        }}
        onPointerMove={(event) => {
          if (stroke !== null) setStroke({ ...stroke, to: heightOf(event) });
        }}
        onPointerUp={endStroke}
        onPointerCancel={() => setStroke(null)}
      />
    </g>
  );
}

/** @returns where on the axis the pointer is, 0 (bottom) to 1 (top). */
function heightOf(event: PointerEvent): number {
  const box = (event.currentTarget as SVGElement).ownerSVGElement?.getBoundingClientRect();
  const at = 1 - (event.clientY - (box?.top ?? 0) - TOP) / (HEIGHT - TOP - BOTTOM);
  return Math.max(0, Math.min(1, at));
}

/** From one height to another; a band of one value can still be seen. */
function bandOf(top: number, bottom: number): { y: number; height: number } {
  const height = Math.max(THINNEST, bottom - top);
  return { y: (top + bottom - height) / 2, height };
}
