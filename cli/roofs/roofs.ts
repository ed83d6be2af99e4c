import { writeFile } from 'node:fs/promises';
import { measureRoofs } from '../../agent/door/roofs.js';
import { measurerFor } from '../../agent/roofs/index.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { NO_VALUE } from '../../core/metrics/format.js';
import { ROOF_WARNINGS } from '../../core/result/roof-warnings.js';
import { ACCESSES, LEVELS, type Roofs, UNITS } from '../../core/result/roofs.js';
import { ARITHMETICS } from '../../core/work/work.js';
import { usageError, workError } from '../exit.js';
import { plainTable } from '../output/plain-table.js';
import { printDrawn, printJson, say } from '../output/print.js';
import { stdoutColors } from '../output/terminal.js';
import { FOREGROUND } from '../single/foreground.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import { devicesNamed, type ThisNode, thisNode } from '../this-node.js';
import type { RoofsOptions } from './command.js';

/** `ridge roofs`: measures, keeps and prints the ceilings of this node's devices. */
export async function roofs(options: RoofsOptions): Promise<void> {
  const output = options.out === undefined ? null : outputPath(options.out, true);
  const node = await thisNode(options.config);
  const { store } = node;
  const devices = chosen(node, options);
  await runCommand(async () => {
    const all: Roofs[] = [];
    for (const device of devices) {
      all.push(
        options.stored === true ? await stored(store, device) : await measuredAndKept(store, device, options),
      );
    }
    if (output !== null) {
      const [first] = all;
      const text = JSON.stringify(all.length === 1 ? first : all, null, 1);
      await writeFile(output, `${text}\n`).catch((error: Error) => {
        throw workError(`the roofs cannot be written to ${options.out}: ${fileProblem(error)}`);
      });
    }
    if (options.json === true) printJson(all);
    else printDrawn(all.map(describe).join('\n\n'));
  });
}

/**
 * What a result is held against is measured thoroughly and at all numbers of threads; the rest is looked at,
 * and not kept.
 */
async function measuredAndKept(
  store: ThisNode['store'],
  device: DeviceProfile,
  options: RoofsOptions,
): Promise<Roofs> {
  const quick = options.quick === true;
  const found = await measureRoofs(device, quick ? 'quick' : 'all', options.threads, FOREGROUND);
  if (!quick && options.threads === undefined) say(`kept in ${(await store.put(found)).path}`);
  return found;
}

async function stored(store: ThisNode['store'], device: DeviceProfile): Promise<Roofs> {
  const found = await store.newest(device.id);
  if (found !== null) return found.roofs;
  throw workError(
    `no roofs of ${device.id} were measured on this node yet`,
    'Leave --stored out to measure them.',
  );
}

/** @throws CommandError (2) for words that no device of this node answers to. */
function chosen(node: ThisNode, { device: id, threads }: RoofsOptions): readonly DeviceProfile[] {
  const named = devicesNamed(node, id);
  const wanted = id === undefined ? named.filter((device) => measurerFor(device) !== null) : named;
  if (threads === undefined) return wanted;
  const cpus = wanted.filter(({ classes }) => classes[0] === 'cpu');
  for (const device of cpus) {
    const wrong = threads.find((count) => count < 1 || count > device.cpus.length);
    if (wrong === undefined) continue;
    const most = device.cpus.length;
    throw usageError(
      `--threads ${wrong} is not possible: ${device.id} has ${most} CPUs`,
      `Name numbers from 1 to ${most}.`,
    );
  }
  return cpus;
}

/**
 * @returns the roofs as people read them: bandwidth, peaks, ridge points, and what disturbed the measurement.
 */
function describe(roofs: Roofs): string {
  const colors = stdoutColors();
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
    colors.bold(facts.join(', ')),
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
    colors.dim(
      'best of all repeats; bytes as the program counts them, a multiply and an add as two; spread: stddev/mean at most',
    ),
    ...Object.entries(absent).map(([name, reason]) => colors.dim(`no ${name}: ${reason}`)),
    ...warnings.flatMap(({ code, message }) => [
      colors.yellow(`${code}: ${message}`),
      colors.dim(`  ${ROOF_WARNINGS[code]}`),
    ]),
    ...caveats.map((caveat) => colors.yellow(`caveat: ${caveat}`)),
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
