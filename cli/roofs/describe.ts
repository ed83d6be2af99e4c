import pc from 'picocolors';
import { NO_VALUE } from '../../core/metrics/format.js';
import { ROOF_WARNINGS } from '../../core/result/roof-warnings.js';
import { ACCESSES, LEVELS, type Roofs, UNITS } from '../../core/result/roofs.js';
import { ARITHMETICS } from '../../core/work/work.js';
import { plainTable } from '../output/plain-table.js';

/** @returns the roofs as people read them: bandwidth, peaks, ridge points, and what disturbed the measurement. */
export function describe(roofs: Roofs): string {
  const { device, instructions, measuredAt, launchSeconds, links, warnings, caveats, absent } = roofs;
  const counts = [...new Set([...roofs.bandwidth, ...roofs.compute].map(({ threads }) => threads))].sort(
    (a, b) => a - b,
  );
  const facts = [
    `${device.id}: ${device.name}`,
    ...(instructions === undefined ? [] : [`instructions ${instructions}`]),
    `measured ${measuredAt}`,
  ];
  const all = counts.at(-1) ?? 1;
  return [
    pc.bold(facts.join(', ')),
    '',
    plainTable(['bandwidth, GB/s', ...counts.map(threadsOf), 'spread'], bandwidthRows(roofs, counts)),
    '',
    plainTable(
      ['peak, Gflop/s', ...counts.map(threadsOf), 'spread', `ridge point at ${threadsOf(all)}, flop/B`, 'by'],
      computeRows(roofs, counts),
    ),
    '',
    ...(launchSeconds === null ? [] : [`launch and join: ${(launchSeconds.value * 1e6).toFixed(2)} µs`]),
    ...links.map(({ name, bytesPerSecond }) => `link ${name}: ${giga(bytesPerSecond.value)} GB/s`),
    pc.dim(
      'best of all repeats; bytes as the program counts them, a multiply and an add as two; spread: stddev/mean at most',
    ),
    ...Object.entries(absent).map(([name, reason]) => pc.dim(`no ${name}: ${reason}`)),
    ...warnings.flatMap(({ code, message }) => [
      pc.yellow(`${code}: ${message}`),
      pc.dim(`  ${ROOF_WARNINGS[code]}`),
    ]),
    ...caveats.map((caveat) => pc.yellow(`caveat: ${caveat}`)),
  ].join('\n');
}

function bandwidthRows({ bandwidth }: Roofs, counts: readonly number[]) {
  return LEVELS.flatMap((level) =>
    ACCESSES.flatMap((access) => {
      const own = bandwidth.filter((roof) => roof.level === level && roof.access === access);
      if (own.length === 0) return [];
      const cells = counts.map(
        (count) => own.find(({ threads }) => threads === count)?.bytesPerSecond ?? null,
      );
      return [
        [
          `${level} ${access}`,
          ...cells.map((cell) => (cell === null ? null : Number(giga(cell.value)))),
          spread(cells),
        ],
      ];
    }),
  );
}

function computeRows(roofs: Roofs, counts: readonly number[]) {
  const reading = roofs.bandwidth.filter(({ level, access }) => level === 'memory' && access === 'read');
  const all = counts.at(-1);
  const memory = reading.find(({ threads }) => threads === all)?.bytesPerSecond.value ?? null;
  return UNITS.flatMap((unit) =>
    ARITHMETICS.flatMap((arithmetic) => {
      const own = roofs.compute.filter((roof) => roof.arithmetic === arithmetic && roof.unit === unit);
      if (own.length === 0) return [];
      const cells = counts.map(
        (count) => own.find(({ threads }) => threads === count)?.flopsPerSecond ?? null,
      );
      const best = cells.at(-1)?.value;
      const ridge = memory === null || best === undefined ? NO_VALUE : (best / memory).toFixed(1);
      return [
        [
          `${arithmetic} ${unit}`,
          ...cells.map((cell) => (cell === null ? null : Number(giga(cell.value)))),
          spread(cells),
          ridge,
          own.find(({ threads }) => threads === all)?.instructions ?? NO_VALUE,
        ],
      ];
    }),
  );
}

/** The largest of a row. */
function spread(cells: readonly ({ readonly cv: number | null } | null)[]): string {
  const known = cells.flatMap((cell) => (cell?.cv == null ? [] : [cell.cv]));
  return known.length === 0 ? NO_VALUE : `${(100 * Math.max(...known)).toFixed(0)} %`;
}

const giga = (value: number) => (value / 1e9).toFixed(1);
const threadsOf = (count: number) => (count === 1 ? '1 thread' : `${count} threads`);
