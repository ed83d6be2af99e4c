import { servedFormats } from '../roofline/analysis/bits.js';
import { served } from '../roofline/analysis/prediction.js';
import { namedArchitecture } from '../roofline/configs/index.js';
import { hardwareNamed } from '../roofline/hardware/catalogue.js';
import { timesOn } from '../roofline/operators/shipped/index.js';
import { isKnown } from '../roofline/step/calls-time.js';
import { compileStep } from '../roofline/step/compile.js';
import { DEFAULT_ENGINE, readEngine, unknownEngine } from '../roofline/step/engines.js';
import { residency } from '../roofline/step/residency.js';
import { type SteppedFlags, type SteppedServer, SteppedVllm } from './stepped.js';

const GRAMMAR = `[Nx]DEVICE:ENGINE:MODEL[:BITS], as in h100:${DEFAULT_ENGINE}:llama-3.1-8b or 4xh100:${DEFAULT_ENGINE}:llama-3.1-70b:fp8`;

export type Timing = (flags?: Partial<SteppedFlags>) => SteppedServer;

/** Tokens of a sequence by which the cache is counted: what sequences keep once hardly matters then. */
const LONG = 4096;

/**
 * Reads what a server is to be as fast as: devices that share the model, engine, published model, and in what
 * it is served.
 * @returns what makes servers of it, with flags that are not the engine's own; a sentence on what is wrong.
 */
export function readTiming(words: string): Timing | string {
  const [, count, device, engineWord, model, bitsWord = 'native'] =
    /^(?:(\d{1,3})x)?([^:]+):([^:]+):([^:]+)(?::([^:]+))?$/.exec(words) ?? [];
  if (device === undefined || engineWord === undefined || model === undefined)
    return `${JSON.stringify(words)} names no timing: say ${GRAMMAR}`;
  const hardware = hardwareNamed(device);
  if (hardware?.kind !== 'gpu' || hardware.memoryBytes === null)
    return `there is no GPU ${JSON.stringify(device)} in the hardware catalogue with a known memory: \`ridge roofline --list\` shows every device`;
  const asked = readEngine(engineWord);
  if (asked === null) return unknownEngine(engineWord);
  if (asked.engine.id !== DEFAULT_ENGINE)
    return `how ${asked.engine.name} puts steps together is not simulated in real time: name ${DEFAULT_ENGINE}`;
  const reading = namedArchitecture(model);
  if (!reading.ok) return reading.reason;
  const bits = servedFormats(bitsWord);
  const found = bits === null ? null : served(reading.architecture, bits);
  if (found === null)
    return `vLLM serves ${model} in no ${bitsWord}: say bf16, fp8, nvfp4, …, with kv8 behind it for a cache in fp8`;
  const { host, graphs, memory } = asked.engine;
  const parallelism = { tensor: Number(count ?? 1), pipeline: 1, expert: 1 };
  const setting = { parallelism, kernels: found.kernels, graphs, host };
  try {
    const times = timesOn(hardware, asked.engine.id, asked.release);
    const step = compileStep(found.architecture, times, setting);
    if (!isKnown(step)) return step.join('; ');
    const { sequencesOf } = residency(found.architecture, setting, memory, hardware.memoryBytes.value);
    const cacheTokens = sequencesOf(LONG) * LONG;
    if (cacheTokens === 0) return `${model} does not fit on ${count ?? 1} × ${hardware.name}`;
    return (flags = {}) => {
      const own = { maxNumBatchedTokens: memory.passTokens, maxNumSeqs: memory.mostSequences, ...flags };
      const source = `${step.source}; ${own.maxNumBatchedTokens} tokens of a step, ${own.maxNumSeqs} sequences, ${cacheTokens} tokens in the cache, none of them shared; of the host: ${host.source}`;
      return new SteppedVllm(source, step, cacheTokens, memory.blockTokens, own);
    };
  } catch (error) {
    // A split that the model cannot have.
    return (error as Error).message;
  }
}
