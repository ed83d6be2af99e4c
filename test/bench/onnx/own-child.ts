/**
 * Our runner in a process of its own, asked as reference.py is. Arguments: model, threads, library of ONNX
 * Runtime.
 */

import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { readOptions } from '../../../core/experiment/options.js';
import { onnx } from '../../../core/runners/onnx.js';
import { NO_ENGINES } from '../../../engines/config.js';
import { loadModel } from '../../../engines/runners/onnx/load.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';

const [path = '', threads = '1', library = ''] = process.argv.slice(2);
const model = await loadModel({
  modelPath: path,
  options: readOptions(onnx.options, { threads: Number(threads) }),
  engines: { ...NO_ENGINES, onnxRuntimes: { bench: { library, plugins: {} } } },
  deviceClass: 'cpu',
  deviceId: 'cpu0',
  cpus: [],
  contextTokens: 512,
  sequences: 1,
});
const write = (answer: unknown) => void process.stdout.write(`${JSON.stringify(answer)}\n`);
write({ version: model.facts.environment.engine });

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line) as { tokens: number[]; steps: number[]; runs: number };
  const tokens = Int32Array.from(asked.tokens);
  const steps = asked.steps.map((token) => Int32Array.of(token));
  const times: { prefill: number[]; decode: number[] } = { prefill: [], decode: [] };
  // The first run of an answer wakes threads and is not counted.
  for (let run = 0; run <= asked.runs; run++) {
    model.reset(0);
    const begin = monotonicSeconds();
    model.prefill([tokens]);
    const prefilled = monotonicSeconds();
    const end = model.steps(steps).at(-1) ?? prefilled;
    if (run === 0) continue;
    times.prefill.push(prefilled - begin);
    times.decode.push(end - prefilled);
  }
  if (asked.runs > 0) {
    write(times);
    continue;
  }
  model.reset(0);
  const hashes = [tokens, ...steps].map((own) => {
    const hash = createHash('sha256');
    model.evaluate(
      own,
      0,
      (_, row) => void hash.update(new Uint8Array(row.buffer, row.byteOffset, row.byteLength)),
    );
    return hash.digest('hex');
  });
  write({ hashes });
}
