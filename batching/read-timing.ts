import { servedFormats } from '../roofline/analysis/bits.js';
import { namedArchitecture } from '../roofline/configs/index.js';
import { hardwareNamed } from '../roofline/hardware/catalogue.js';
import { isKnown } from '../roofline/step/calls-time.js';
import { DEFAULT_ENGINE, readEngine, unknownEngine } from '../roofline/step/engines.js';
import { type AskedServer, predictedServer } from './predicted-server.js';
import { flagsAsked } from './schedulers/index.js';
import { SteppedServer } from './stepped-server.js';

const GRAMMAR = `[Nx]DEVICE:ENGINE:MODEL[:BITS], as in h100:${DEFAULT_ENGINE}:llama-3.1-8b or 4xh100:${DEFAULT_ENGINE}:llama-3.1-70b:fp8`;

/** @param mostSequences that run at once; null = as many as the engine lets. */
export type Timing = (mostSequences: number | null) => SteppedServer | string;

/**
 * Reads what a server is to be as fast as: devices that share the model, engine, published model, and in what
 * it is served.
 * @returns what makes servers of it; a sentence on what is wrong.
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
  const reading = namedArchitecture(model);
  if (!reading.ok) return reading.reason;
  const formats = servedFormats(bitsWord);
  if (formats === null)
    return `no engine on a GPU serves ${bitsWord}: say bf16, fp8, nvfp4, …, with kv8 behind it for a cache in fp8`;
  const question: AskedServer = {
    architecture: reading.architecture,
    formats,
    device: hardware,
    memoryBytes: hardware.memoryBytes.value,
    ...asked,
    parallelism: { tensor: Number(count ?? 1), pipeline: 1, expert: 1 },
    replicas: 1,
    flags: {},
    memoryShare: null,
    host: null,
    own: null,
  };
  const timing = (mostSequences: number | null) => {
    const flags = mostSequences === null ? {} : flagsAsked(asked.engine.id, { maxSequences: mostSequences });
    const found = predictedServer({ ...question, flags });
    return isKnown(found)
      ? new SteppedServer(`${found.source}; ${found.says}`, found.server)
      : `${model}: ${found.join('; ')}`;
  };
  const first = timing(null);
  return typeof first === 'string' ? first : timing;
}
