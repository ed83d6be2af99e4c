import { llamaCpp } from '../../agent/runners/llama-cpp/index.js';
import { prompt } from '../models/loading.js';

/**
 * Our side of bench:fidelity, in a process of its own: what the latency workload does, with the runner
 * that trials use. One warm-up, then repeats of a prefill and exactly as many decode steps.
 */
export interface FidelityOrder {
  readonly modelPath: string;
  readonly threads: number;
  readonly promptTokens: number;
  readonly generateTokens: number;
  readonly repeats: number;
}

export interface FidelityAnswer {
  readonly cpuLibrary: string;
  /** Tokens per second, one value per repeat. */
  readonly prefill: readonly number[];
  readonly decode: readonly number[];
}

process.once('message', async (order: FidelityOrder) => {
  const { promptTokens, generateTokens } = order;
  const model = await llamaCpp.load({
    modelPath: order.modelPath,
    options: { threads: order.threads, flashAttention: true },
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [],
    contextTokens: promptTokens + generateTokens,
    sequences: 1,
  });
  const tokens = [prompt(promptTokens, 1)];
  const steps = Array.from(prompt(generateTokens, 2), (token) => Int32Array.of(token));
  const prefill: number[] = [];
  const decode: number[] = [];
  for (let repeat = -1; repeat < order.repeats; repeat++) {
    model.reset(0);
    const start = process.hrtime.bigint();
    model.prefill(tokens);
    const prefilled = process.hrtime.bigint();
    for (const step of steps) model.step(step);
    const end = process.hrtime.bigint();
    if (repeat < 0) continue;
    prefill.push((promptTokens * 1e9) / Number(prefilled - start));
    decode.push((generateTokens * 1e9) / Number(end - prefilled));
  }
  const cpuLibrary = String(model.facts.environment.cpuLibrary);
  model.close();
  process.send?.({ cpuLibrary, prefill, decode } satisfies FidelityAnswer, () => process.exit(0));
});
