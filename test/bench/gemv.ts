import { cpus } from 'node:os';
import type { OpType } from '../../core/kernels/op.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { openOps } from '../../engines/native/ops.js';
import { openRoofsKernels } from '../../engines/native/roofs.js';
import { conclude, type Figure } from './figure.js';
import { attention, dense, type Machine, type Row, sparse, table } from './gemv/rows.js';

/**
 * Products of a matrix and a vector whose matrix is far larger than the caches: dense ones against the measured bandwidth of
 * memory, sparse ones against our own dense one of the same type, each pair interleaved. `--quick` is smaller and shorter.
 */
const quick = process.argv.includes('--quick');
const library = kernelsLibrary();
if (library === null)
  throw new Error('The native kernels are not built; node scripts/build-kernels.mjs builds them.');

const threads = Math.min(2, cpus().length);
const roofs = await openRoofsKernels(library);
const machine: Machine = {
  ops: await openOps(library),
  roof: roofs.open(
    Array.from({ length: threads }, (_, i) => i),
    128 * 2 ** 20,
  ),
  threads,
  rounds: quick ? 7 : 31,
  // Weights take some 256 MB dense, or a quarter of that.
  weightBytes: (quick ? 64 : 256) * 2 ** 20,
};

const TYPES: readonly OpType[] = ['f32', 'f16', 'bf16', 'int8', 'int4'];
const rows: Row[] = [];
for (const type of TYPES) {
  rows.push(dense(machine, type));
  console.log(table(rows.slice(-1)));
  for (const row of sparse(machine, type)) {
    rows.push(row);
    console.log(table([row]));
  }
}
const decode = attention(machine);
if (decode !== null) rows.push(decode);
machine.roof.close();

console.log(
  `\n${threads} threads, matrices of 4096 columns, ${(machine.weightBytes / 2 ** 20).toFixed(0)} MiB dense; medians of ${machine.rounds} interleaved rounds\n`,
);
console.log(table(rows));

/** What is asked for: least share of the roof, or least speedup over dense. */
const SHARES: Partial<Record<OpType, number>> = { f32: 0.85, f16: 0.85, int8: 0.85 };
const SPEEDUPS: Readonly<Record<string, Partial<Record<OpType, number>>>> = {
  'bitmap 50 %': { bf16: 1.5, int8: 1.3 },
  'bitmap 60 %': { bf16: 1.6, int8: 1.4 },
  'bitmap 70 %': { bf16: 1.7, int8: 1.6 },
  '2:4': { bf16: 1.5, int8: 1.5 },
};
const figures: Figure[] = rows.flatMap((row): Figure[] => {
  const share = row.format === 'dense' ? SHARES[row.type] : row.format === 'GQA decode' ? 0.8 : undefined;
  const speedup = SPEEDUPS[row.format]?.[row.type];
  if (share !== undefined) {
    const claim = `${row.format} ${row.type}: share of the bandwidth of memory that reading reaches`;
    return [
      {
        claim,
        measured: `${(100 * row.share).toFixed(1)} %`,
        required: `at least ${100 * share} %`,
        holds: row.share >= share,
      },
    ];
  }
  if (speedup === undefined || row.speedup === null) return [];
  const claim = `${row.format} ${row.type}: times as fast as dense ${row.type}`;
  return [
    {
      claim,
      measured: row.speedup.toFixed(2),
      required: `at least ${speedup.toFixed(1)}`,
      holds: row.speedup >= speedup,
    },
  ];
});
for (const row of rows.filter(({ speedup }) => speedup !== null && speedup < 1.05)) {
  console.log(
    `does not pay here: ${row.format} ${row.type} is ${row.speedup!.toFixed(2)} times as fast as dense`,
  );
}
const half = rows.find(({ format, type }) => format === 'bitmap 50 %' && type === 'int4');
if (half?.speedup)
  console.log(
    `sparse int4 at 50 %: ${half.speedup.toFixed(2)} times as fast as dense int4 (bytes alone: ${half.ideal!.toFixed(2)})`,
  );
conclude('gemv', figures);
