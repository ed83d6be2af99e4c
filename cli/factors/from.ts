import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { operatorTables } from '../../agent/door/roofs.js';
import { groupBy } from '../../core/maps.js';
import type { Hardware } from '../../roofline/hardware/figure.js';
import { engineName } from '../../roofline/operators/engines.js';
import type { OperatorFactors } from '../../roofline/operators/factors-file.js';
import { fitDevice } from '../../roofline/operators/fit-device.js';
import { usageError, workError } from '../exit.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import type { FactorsOptions } from './command.js';

/** `ridge factors --from`: fits factors of GPUs to tables of measured operators, one file for each device. */
export async function factorsFrom(
  folder: string,
  { device: wanted, out, json }: FactorsOptions,
): Promise<void> {
  const { devicesIn, readTables } = await operatorTables();
  const fits: OperatorFactors[] = [];
  for (const [device, path] of chosenIn(folder, await devicesIn(folder), wanted)) {
    const { measured, leftOut } = await readTables(path);
    const fit = fitDevice(device, measured, `fitted to the tables in ${folder}`);
    for (const sentence of [...leftOut, ...fit.leftOut]) say(`left out: ${sentence}`);
    if (fit.factors.tables.length === 0)
      throw workError(
        `nothing of ${path} can be used`,
        'The sentences above say why; tables lie in <device>/<family>/<engine>/<release>/.',
      );
    fits.push(fit.factors);
  }
  if (out !== undefined) await keep(fits, out);
  if (json === true) printJson(fits);
  else printData(fits.map(describe).join('\n\n'));
}

type DevicesIn = Awaited<ReturnType<Awaited<ReturnType<typeof operatorTables>>['devicesIn']>>;

/** @throws CommandError (2) where the folder has no tables of a known device, or not of the wanted one. */
function chosenIn(
  folder: string,
  { devices, unknown }: DevicesIn,
  wanted: string | undefined,
): readonly [Hardware, string][] {
  if (devices.length === 0)
    throw usageError(
      unknown.length === 0
        ? `${folder} has no folders of devices`
        : `none of the folders of ${folder} (${unknown.join(', ')}) is of a device in the hardware catalogue`,
      'Tables lie in <device>/<family>/<engine>/<release>/; `ridge roofline --list` shows every device.',
    );
  if (wanted === undefined) {
    for (const name of unknown) say(`left out: ${name}, which is not in the hardware catalogue`);
    return devices;
  }
  const found = devices.filter(([{ id }]) => id === wanted);
  if (found.length > 0) return found;
  throw usageError(
    `${folder} has no tables of ${JSON.stringify(wanted)}`,
    `It has tables of ${devices.map(([{ id }]) => id).join(', ')}.`,
  );
}

async function keep(fits: readonly OperatorFactors[], out: string): Promise<void> {
  await mkdir(out, { recursive: true });
  for (const fit of fits) {
    const path = join(out, `${fit.device}.json`);
    await writeFile(path, `${JSON.stringify(fit)}\n`);
    say(`kept in ${path}`);
  }
}

/** @returns what was fitted on what, and how far unseen shapes lie off. */
function describe({ device, tables }: OperatorFactors): string {
  const groups = groupBy(tables, ({ engine, release, family }) => `${family}|${engine}|${release}`);
  const rows = [...groups.values()].map((group) => {
    const [{ family, engine, release }] = group as [OperatorFactors['tables'][number]];
    const measurements = group.reduce((sum, table) => sum + table.measurements, 0);
    const squares = group.reduce((sum, table) => sum + table.measurements * table.spread ** 2, 0);
    return [
      family,
      engineName(engine),
      release,
      group.length,
      measurements,
      group.reduce((sum, table) => sum + table.aboveRoof, 0),
      `${(100 * Math.expm1(Math.sqrt(squares / measurements))).toFixed(0)} %`,
    ];
  });
  return [
    `${device}: factors of ${tables.length} surfaces`,
    plainTable(
      ['family', 'engine', 'release', 'surfaces', 'measurements', 'above the roof', 'off on unseen shapes'],
      rows,
    ),
  ].join('\n');
}
