// Makes the operator factors that the package ships, of tables of measured operators:
// `node --import tsx scripts/write-operator-factors.ts FOLDER [DEVICE …]`, where FOLDER is `systems` of the
// wheel aiconfigurator-core (docs/gpu-factors.md says how to get it). Of a device that is named, or of all.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { devicesIn, readTables } from '../agent/factors/operator-tables.js';
import { fitDevice } from '../roofline/operators/fit-device.js';

const SOURCE =
  'derived from the tables of aiconfigurator-core 0.12.0, Copyright (c) 2025-2026 NVIDIA CORPORATION & AFFILIATES, Apache-2.0';
const OUT = join(import.meta.dirname, '../roofline/operators/shipped');

const [folder, ...wanted] = process.argv.slice(2);
if (folder === undefined) throw new Error('Name the folder `systems` of the wheel aiconfigurator-core.');
const { devices } = await devicesIn(folder);
for (const [device, path] of devices) {
  if (wanted.length > 0 && !wanted.includes(device.id)) continue;
  const { measured, leftOut } = await readTables(path);
  if (measured.length === 0) continue;
  const fit = fitDevice(device, measured, SOURCE);
  writeFileSync(join(OUT, `${device.id}.json`), `${JSON.stringify(fit.factors)}\n`);
  for (const sentence of [...leftOut, ...fit.leftOut]) console.log(sentence);
}
