import type { Point } from './points.js';

const SIZE = 560;
const EDGE = 60;
const COLOURS: Readonly<Record<string, string>> = {
  f16: '#4477aa',
  q8_0: '#ee6677',
  q6_k: '#228833',
  q4_k_m: '#ccbb44',
  q4_0: '#aa3377',
};

/**
 * @returns an SVG of predicted against measured seconds of a pass, both logarithmic: circles decode, squares
 *   prefill.
 */
export function plot(points: readonly Point[]): string {
  const perPass = (point: Point, seconds: number) =>
    point.phase === 'decode' ? seconds / point.tokens : seconds;
  const places = points.map((point) => ({
    point,
    x: Math.log10(perPass(point, point.measuredSeconds)),
    y: Math.log10(perPass(point, point.predictedSeconds)),
  }));
  const values = places.flatMap(({ x, y }) => [x, y]);
  const low = Math.floor(Math.min(...values, -3));
  const high = Math.ceil(Math.max(...values, 0));
  const at = (value: number) => EDGE + ((value - low) / (high - low)) * (SIZE - 2 * EDGE);
  const across = (value: number) => at(value).toFixed(1);
  const up = (value: number) => (SIZE - at(value)).toFixed(1);
  const decades = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  const grid = decades.flatMap((d) => [
    `<line x1="${across(d)}" y1="${up(low)}" x2="${across(d)}" y2="${up(high)}" stroke="#ddd"/>`,
    `<line x1="${across(low)}" y1="${up(d)}" x2="${across(high)}" y2="${up(d)}" stroke="#ddd"/>`,
    `<text x="${across(d)}" y="${SIZE - EDGE + 18}" text-anchor="middle">10^${d}</text>`,
    `<text x="${EDGE - 8}" y="${up(d)}" text-anchor="end">10^${d}</text>`,
  ]);
  const line = (shift: number, dash: string) =>
    `<line x1="${across(low)}" y1="${up(low + shift)}" x2="${across(high)}" y2="${up(high + shift)}" stroke="#999" stroke-dasharray="${dash}"/>`;
  const marks = places.map(({ point, x, y }) => {
    const fill = COLOURS[point.type] ?? '#333';
    const title = `<title>${point.model} ${point.type} ${point.phase}, ${point.threads} threads, ${point.parallel} sequences, depth ${point.depth}</title>`;
    return point.phase === 'decode'
      ? `<circle cx="${across(x)}" cy="${up(y)}" r="3" fill="${fill}" fill-opacity="0.7">${title}</circle>`
      : `<rect x="${(at(x) - 2.5).toFixed(1)}" y="${(SIZE - at(y) - 2.5).toFixed(1)}" width="5" height="5" fill="${fill}" fill-opacity="0.7">${title}</rect>`;
  });
  const legend = Object.entries(COLOURS).map(
    ([type, fill], i) =>
      `<circle cx="${EDGE + 12}" cy="${EDGE + 12 + 16 * i}" r="4" fill="${fill}"/><text x="${EDGE + 22}" y="${EDGE + 16 + 16 * i}">${type}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE} ${SIZE}" font-family="sans-serif" font-size="11">`,
    `<rect width="${SIZE}" height="${SIZE}" fill="white"/>`,
    ...grid,
    line(0, ''),
    // A tenth more and a tenth less.
    line(Math.log10(1.1), '4 3'),
    line(Math.log10(0.9), '4 3'),
    ...marks,
    ...legend,
    `<text x="${SIZE / 2}" y="${SIZE - 14}" text-anchor="middle">measured seconds of a pass (circles decode, squares prefill)</text>`,
    `<text x="16" y="${SIZE / 2}" text-anchor="middle" transform="rotate(-90 16 ${SIZE / 2})">predicted seconds of a pass</text>`,
    '</svg>',
    '',
  ].join('\n');
}
