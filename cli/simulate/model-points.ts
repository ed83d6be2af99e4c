import { type AskedServer, type PredictedServer, predictedServer } from '../../batching/predicted-server.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import { readOptions } from '../../core/experiment/options.js';
import { ANY_SERVER } from '../../core/runners/server/index.js';
import { experimentAt } from '../../core/sweep/expand.js';
import { axisValues } from '../../core/sweep/labels.js';
import { planSpace } from '../../core/sweep/space.js';
import { serving } from '../../core/workloads/serving.js';
import { servedFormats } from '../../roofline/analysis/bits.js';
import { requireHardware } from '../../roofline/hardware/catalogue.js';
import { isKnown } from '../../roofline/step/calls-time.js';
import { DEFAULT_ENGINE, readEngine } from '../../roofline/step/engines.js';
import { loadSpec, refuseTwoLoads } from '../bench/document.js';
import { withFlag } from '../bench/flags.js';
import { usageError } from '../exit.js';
import { modelFoldersFor } from '../local-models.js';
import { schedulerFlags } from '../options/scheduler-flags.js';
import { PointReader } from '../plan/rented/point-reader.js';
import { openArchitecture } from '../roofline/open-model.js';
import { openPredictor } from '../roofline/open-predictor.js';
import { namelessSweep } from '../sweep-file.js';
import { DEFAULT_HARDWARE, DEFAULT_REQUESTS, type SimulateOptions } from './command.js';
import type { LeftOut, Point, Points } from './points.js';

/** Of a trace, as many as a load can have. */
const ALL_REQUESTS = 10_000_000;

const HINT = 'ridge simulate --help says what each flag takes; nothing was simulated.';

/**
 * The loads of a command line on one server.
 * @throws CommandError (2) for words that name nothing, or a server that cannot be predicted.
 */
export function modelPoints(model: string, options: SimulateOptions): Points {
  const predicted = openServer(model, options);
  const reader = new PointReader(modelFoldersFor([model], options.models));
  const points: Point[] = [];
  const leftOut: LeftOut[] = [];
  for (const experiment of loadsOf(model, options)) {
    const load = readOptions(serving.options, experiment.workload.options);
    const trace = reader.trace(experiment);
    if (load.trace !== null && trace === null)
      leftOut.push({ label: load.trace, reason: `the trace ${load.trace} is not here, or cannot be read` });
    else points.push({ axes: axisValues(experiment), options: load, trace, predicted });
  }
  return { points, leftOut, notes: [] };
}

/** Every combination of the lists of a load, as a sweep has them. */
function loadsOf(model: string, { load }: SimulateOptions): Experiment[] {
  refuseTwoLoads(load);
  const isSaid = (name: string) => (load[name] ?? []).length > 0;
  const requests = isSaid('trace') ? ALL_REQUESTS : DEFAULT_REQUESTS;
  const spec = loadSpec({
    runner: ANY_SERVER,
    model: { name: model, source: model },
    axes: isSaid('requests') ? load : { ...load, requests: [String(requests)] },
    devices: [],
    starts: 1,
    warmup: true,
  });
  const { sweep } = namelessSweep('simulate', `ridge simulate ${model}`, spec, HINT, withFlag);
  const space = planSpace(sweep);
  if (space.count === 0) throw usageError(space.impossible[0]?.reason ?? 'there is no load', HINT);
  return Array.from({ length: space.count }, (_, position) => experimentAt(space, position));
}

function openServer(model: string, options: SimulateOptions): PredictedServer {
  const asked = askedServer(model, options);
  const predicted = predictedServer(asked);
  if (isKnown(predicted)) return predicted;
  const enough = devicesThatHold(asked);
  throw usageError(
    `${model} on ${options.hardware ?? DEFAULT_HARDWARE}: ${predicted.join('; ')}`,
    enough === null ? HINT : `${enough} devices hold it: --tensor-parallel ${enough}.`,
  );
}

/** Of one replica. */
const MOST_DEVICES = 64;

/** @returns on how few devices more the same server can be had; null = on none of 2, 4, 8, … */
function devicesThatHold(asked: AskedServer): number | null {
  for (let tensor = 2 * asked.parallelism.tensor; tensor <= MOST_DEVICES; tensor *= 2)
    if (isKnown(predictedServer({ ...asked, parallelism: { ...asked.parallelism, tensor } }))) return tensor;
  return null;
}

function askedServer(model: string, options: SimulateOptions): AskedServer {
  const { hardware = DEFAULT_HARDWARE, engine = DEFAULT_ENGINE, bits = 'native', calibration } = options;
  const formats = servedFormats(bits);
  if (formats === null)
    throw usageError(
      `--bits ${bits}: engines on GPUs serve native, bf16, fp8, nvfp4, …, each also with kv8 behind it`,
    );
  const device = requireHardware(hardware);
  const { engine: known } = openPredictor(hardware, engine, calibration);
  const release = readEngine(engine)?.release ?? null;
  if (device.memoryBytes === null)
    throw usageError(`nobody publishes the memory of ${device.name}, so that it is not known what fits`);
  return {
    architecture: openArchitecture(model, modelFoldersFor([model], options.models)),
    formats,
    device,
    memoryBytes: device.memoryBytes.value,
    engine: known,
    release,
    parallelism: {
      tensor: options.tensorParallel ?? 1,
      pipeline: 1,
      expert: options.expertParallel ?? 1,
    },
    replicas: options.replicas ?? 1,
    flags: schedulerFlags(options.flag),
    memoryShare: options.memoryShare ?? null,
    host: calibration === undefined ? null : known.host,
    own: null,
  };
}
