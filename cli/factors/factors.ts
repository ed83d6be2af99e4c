import { fitFactors } from '../../agent/door/roofs.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import type { Factors } from '../../core/result/factors.js';
import { weightType } from '../../core/techniques/tensor-types.js';
import { usageError, workError } from '../exit.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import { FOREGROUND } from '../single/foreground.js';
import { runCommand } from '../single/run-command.js';
import { devicesNamed, type ThisNode, thisNode } from '../this-node.js';
import type { FactorsOptions } from './command.js';

/** `ridge factors`: benches single operators, fits, keeps and prints the factors of one device. */
export async function factors(options: FactorsOptions): Promise<void> {
  if (options.calibrate !== undefined)
    return await (await import('./calibrate.js')).calibrate(options, options.calibrate);
  if (options.from !== undefined) {
    await (await import('./from.js')).factorsFrom(options.from, options);
    return;
  }
  const unknown = options.types?.find((type) => weightType(type) === null);
  if (unknown !== undefined)
    throw usageError(`there is no type ${unknown}`, 'Types are named as ggml does: f16, q4_k.');
  const node = await thisNode(options.config);
  const { factors: store, sysRoot } = node;
  const { device, roofs } = await chosen(node, options);
  await runCommand(async () => {
    const found =
      options.stored === true
        ? await stored(store, device)
        : await fitFactors(device, roofs, sysRoot, options, FOREGROUND);
    // What predictions rest on is fitted at leisure, at all numbers of threads and for all types.
    const whole = options.quick !== true && options.threads === undefined && options.types === undefined;
    if (options.stored !== true && whole) say(`kept in ${(await store.put(found)).path}`);
    if (options.json === true) printJson(found);
    else printData(describe(found));
  });
}

async function stored(store: ThisNode['factors'], device: DeviceProfile): Promise<Factors> {
  const found = await store.find(device.id);
  if (found !== null) return found.factors;
  throw workError(
    `no factors of ${device.id} were fitted on this node yet`,
    'Leave --stored out to fit them.',
  );
}

/** @throws CommandError (2) for a device that is not here, (1) without roofs. */
async function chosen(node: ThisNode, { device: id }: FactorsOptions) {
  const wanted = devicesNamed(node, id);
  for (const device of wanted) {
    const roofs = await node.store.newest(device.id);
    if (roofs !== null) return { device, roofs };
  }
  const names = wanted.map((device) => device.id).join(', ');
  throw workError(
    `no roofs of ${names} were measured on this node yet`,
    'Run `ridge roofs` first: factors are relative to them.',
  );
}

/** @returns every factor with how many benches it rests on and how far they are from it. */
function describe(factors: Factors): string {
  const { device, engine, measuredAt, roofs, evidence, threads, warnings, caveats } = factors;
  const rows = evidence.map(({ threads: count, name, value, n, spread }) => [
    count,
    name,
    Number(value.toPrecision(3)),
    n,
    spread === null ? null : `${(100 * spread).toFixed(0)} %`,
  ]);
  const besides = threads.map(
    ({ threads: count, nodeSeconds, streamedNodeSeconds, passSeconds, capacityBytes }) =>
      `${count} threads: ${(nodeSeconds * 1e6).toFixed(2)} µs a node, ${(streamedNodeSeconds * 1e6).toFixed(2)} µs more beside streamed weights, ${(passSeconds * 1e6).toFixed(0)} µs a pass` +
      `${capacityBytes === null ? '' : `, half of ${(capacityBytes / 1e6).toFixed(0)} MB stay in the last cache`}`,
  );
  const checks = threads.flatMap(({ threads: count, checks: own }) =>
    own.map(
      ({ phase, models, points, error }) =>
        `${count} threads: predictions of ${phase} lie ${(100 * Math.expm1(error)).toFixed(0)} % off (root mean square of ${points} points of ${models} models that the fit has not seen)`,
    ),
  );
  return [
    `${device.id}: ${device.name}, ${engine}, fitted ${measuredAt}, relative to roofs ${roofs}`,
    plainTable(['threads', 'factor', 'value', 'benches', 'spread'], rows),
    ...besides,
    ...checks,
    ...warnings.map(({ code, message }) => `${code}: ${message}`),
    ...caveats.map((caveat) => `caveat: ${caveat}`),
  ].join('\n');
}
