/**
 * Our side of bench:fidelity, in a process of its own: the runner that trials use, as built (no loader hooks,
 * no compiler beside it), asked for the tests of llama-bench: prefills of an empty cache, then decodes at the
 * prompt's depth. Takes an order as its argument, prints tokens per second, one value per repeat.
 */
import { llamaCpp } from '../../dist/engines/runners/llama-cpp/index.js';

const { deviceClass, modelPath, threads, promptTokens, generateTokens, repeats } = JSON.parse(
  process.argv[2] ?? '',
);
const model = await llamaCpp.opens.generator({
  modelPath,
  options: { threads, flashAttention: true },
  deviceClass,
  deviceId: `${deviceClass}0`,
  cpus: [],
  contextTokens: promptTokens + generateTokens,
  sequences: 1,
});
const randomTokens = (count, seed) => {
  let state = Math.imul(seed, 2654435761) >>> 0;
  return Int32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 3 + (state % (model.facts.vocabularySize - 3));
  });
};
const tokens = [randomTokens(promptTokens, 1)];
const steps = Array.from(randomTokens(generateTokens, 2), (token) => Int32Array.of(token));

/** @returns tokens per second of each repeat; the first one warms up and is left out. */
const repeated = (count, seconds) => Array.from({ length: repeats + 1 }, () => count / seconds()).slice(1);
const timed = (work) => {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e9;
};

// As llama-bench does: a prefill follows another prefill, and a decode another decode whose tokens are taken
// back, so that both sides find their graphs and buffers in the same state. (In the latency workload each
// decode follows its prefill, as in serving: the engine then builds its graph again, once per repeat.)
const prefill = repeated(promptTokens, () => {
  model.reset(0);
  return timed(() => model.prefill(tokens));
});
model.reset(0);
model.prefill(tokens);
const decode = repeated(generateTokens, () => {
  model.reset(promptTokens);
  return timed(() => model.steps(steps));
});
const { cpuLibrary, stepLoop } = model.facts.environment;
model.close();
process.stdout.write(JSON.stringify({ cpuLibrary, stepLoop, prefill, decode }), () => process.exit(0));
