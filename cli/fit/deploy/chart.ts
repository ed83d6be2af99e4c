import type { DevicesBand } from '../../../batching/deploy/compare.js';
import type { AttainedAt, Pictured } from '../../../batching/deploy/pictured.js';
import type { Sized } from '../../../batching/deploy/search.js';
import { escaped } from '../../output/plain-page.js';
import { servedText } from './text.js';

/** Drawn for a telephone: a wider page makes all of it larger. */
const WIDTH = 380;
const LEFT = 118;
const RIGHT = 12;
const ROW = 24;
const CURVES = 190;
const COLORS = ['#1565c0', '#c2410c'];
const INK = '#1c2126';
const GRID = '#d5dade';

/**
 * @param target the share of requests that has to keep the SLO.
 * @returns an SVG document: devices of each candidate with their band, and below it how many requests keep
 *   the SLO on how many devices, of the two best.
 */
export function deploymentChart({ lines, attained }: Pictured, target: number): string {
  const top = 24 + ROW * lines.length + 34;
  const height = attained.length === 0 ? top : top + CURVES + 62 + 16 * attained.length;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${2 * WIDTH}" font-family="system-ui, -apple-system, Roboto, sans-serif" font-size="11" fill="${INK}">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${candidates(lines)}
${attained.length === 0 ? '' : curves(attained, target, top)}
</svg>
`;
}

function candidates(lines: Pictured['lines']): string {
  const ends = lines.flatMap(({ one, band }) => [one.devices, band.high ?? one.devices]);
  const ticks = ticksUpTo(Math.max(1, ...ends));
  const most = ticks.at(-1)!;
  const x = (devices: number) => LEFT + ((WIDTH - LEFT - RIGHT) * devices) / most;
  const bottom = 24 + ROW * lines.length;
  const rows = lines.map(({ one, band }, i) => candidate(one, band, x, 24 + ROW * (i + 0.5), most));
  return [
    text(4, 14, 'devices that keep the SLO, and their band', 'start', 'bold'),
    ...ticks.map(
      (value) =>
        `<line x1="${x(value)}" y1="22" x2="${x(value)}" y2="${bottom}" stroke="${GRID}"/>${text(x(value), bottom + 14, String(value), 'middle')}`,
    ),
    ...rows,
  ].join('\n');
}

function candidate(
  { device, bits, devices }: Sized,
  { low, high }: DevicesBand,
  x: (devices: number) => number,
  y: number,
  most: number,
): string {
  const [from, to] = [x(low ?? devices), x(high ?? most)];
  return `${text(LEFT - 8, y + 4, `${device.id} ${bits === 'native' ? '' : bits}`, 'end')}
<line x1="${from}" y1="${y}" x2="${to}" y2="${y}" stroke="${COLORS[0]}" stroke-width="6" stroke-opacity="0.25"/>
<circle cx="${x(devices)}" cy="${y}" r="4" fill="${COLORS[0]}"/>`;
}

function curves(attained: Pictured['attained'], target: number, top: number): string {
  const left = 40;
  const ticks = ticksUpTo(
    Math.max(...attained.flatMap(({ points }) => points.map(({ devices }) => devices))),
  );
  const most = ticks.at(-1)!;
  const x = (devices: number) => left + ((WIDTH - left - RIGHT) * devices) / most;
  const y = (share: number) => top + 24 + CURVES * (1 - share);
  const bottom = y(0);
  const [aim, below] = [y(target), bottom + 30];
  return [
    text(4, top + 12, 'requests that keep the SLO, by devices', 'start', 'bold'),
    ...[0, 0.5, 1].map(
      (share) =>
        `<line x1="${left}" y1="${y(share)}" x2="${WIDTH - RIGHT}" y2="${y(share)}" stroke="${GRID}"/>${text(left - 6, y(share) + 4, `${100 * share} %`, 'end')}`,
    ),
    ...ticks.map((value) => text(x(value), bottom + 14, String(value), 'middle')),
    `<line x1="${left}" y1="${aim}" x2="${WIDTH - RIGHT}" y2="${aim}" stroke="${INK}" stroke-dasharray="4 3"/>`,
    text(WIDTH - RIGHT, aim + 12, `has to be ${Number((100 * target).toPrecision(6))} %`, 'end'),
    ...attained.map(({ points }, i) => curve(points, COLORS[i]!, x, y)),
    ...attained.map(({ one }, i) => {
      const at = below + 16 * (i + 0.5);
      return `<circle cx="${left + 6}" cy="${at - 4}" r="4" fill="${COLORS[i]}"/>${text(left + 16, at, servedText(one), 'start')}`;
    }),
  ].join('\n');
}

function curve(
  points: readonly AttainedAt[],
  color: string,
  x: (devices: number) => number,
  y: (share: number) => number,
): string {
  const path = (shareOf: (point: AttainedAt) => number, all = points) =>
    all.map((point) => `${x(point.devices).toFixed(1)},${y(shareOf(point)).toFixed(1)}`).join(' ');
  const backwards = [...points].reverse();
  return `<polygon points="${path(({ high }) => high)} ${path(({ low }) => low, backwards)}" fill="${color}" fill-opacity="0.15"/>
<polyline points="${path(({ middle }) => middle)}" fill="none" stroke="${color}" stroke-width="1.5"/>
${points.map(({ devices, middle }) => `<circle cx="${x(devices).toFixed(1)}" cy="${y(middle).toFixed(1)}" r="2.5" fill="${color}"/>`).join('')}`;
}

/** @returns the least of 1, 2, 5, 10, 20, … from a value on. */
function nicely(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((digit) => digit * power).find((nice) => nice >= value) ?? value;
}

/** @returns about five whole numbers from 0 to the most or a little further. */
function ticksUpTo(most: number): number[] {
  const step = Math.max(1, nicely(most / 5));
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step);
}

function text(x: number, y: number, words: string, anchor: string, weight = 'normal'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-weight="${weight}">${escaped(words.trim())}</text>`;
}
