/**
 * `node cell-child.ts`: prunes and judges models, in a process of its own, since native code computes on its
 * thread. Reads a line of JSON for each cell on standard input, and prints one for each.
 */
import { createInterface } from 'node:readline';
import { measureQuality } from '../../../agent/quality/opened/measure.js';
import { pruneFile } from '../../../artifacts/pruning/prune.js';
import { totalsOf } from '../../../core/techniques/pruning/summary.js';
import type { Cell, Judged } from './cells.js';

for await (const line of createInterface({ input: process.stdin })) {
  const cell = JSON.parse(line) as Cell;
  const { modelPath: inputPath, outputPath, word: sparsity, calibrationPath: textPath, threads } = cell;
  const { report } = await pruneFile({ inputPath, outputPath, sparsity, textPath, threads }, () => {});
  const totals = totalsOf(report);
  const judged: Judged = {
    perplexity: cell.judgedPath === null ? null : await perplexity(cell),
    relativeOutputError: totals.relativeOutputErrorAfter,
    sparsity: totals.sparsity,
    weights: totals.weights,
    maskSeconds: totals.maskSeconds,
  };
  console.log(JSON.stringify(judged));
}

async function perplexity({ outputPath, judgedPath, windows, threads }: Cell): Promise<number> {
  const model = {
    runnerKind: 'llama-cpp',
    modelPath: outputPath,
    options: { threads },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
  };
  const text = {
    path: judgedPath!,
    windows: { scheme: 'llama' as const, context: 512, stride: null },
    basePrecision: 'llama' as const,
    maxWindows: windows,
  };
  const job = { model, base: null, request: { text, tasks: [] }, trainedContext: 512, scorers: {} };
  const outcome = await measureQuality(job, { progress: () => {}, checkStop: async () => {} });
  return outcome.text!.perplexity.value;
}
