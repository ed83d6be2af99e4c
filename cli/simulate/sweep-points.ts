import { askedServer } from '../../batching/predicted-point.js';
import { predictedServer } from '../../batching/predicted-server.js';
import { toFailure } from '../../core/errors.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import { readOptions } from '../../core/experiment/options.js';
import { experimentAt } from '../../core/sweep/expand.js';
import { axisValues, labelsIn } from '../../core/sweep/labels.js';
import { planSpace } from '../../core/sweep/space.js';
import { serving } from '../../core/workloads/serving.js';
import { hardwareNamed, requireHardware } from '../../roofline/hardware/catalogue.js';
import { isKnown } from '../../roofline/step/calls-time.js';
import type { HostTimes } from '../../roofline/step/setting.js';
import { flagsTyped, LOAD_OPTIONS } from '../bench/flags.js';
import { usageError } from '../exit.js';
import { localModelFolders } from '../local-models.js';
import { PointReader } from '../plan/rented/point-reader.js';
import { readHost } from '../roofline/open-predictor.js';
import { openSweep } from '../sweep-file.js';
import { DEFAULT_HARDWARE, type SimulateOptions } from './command.js';
import type { LeftOut, Point, Points } from './points.js';

/** Of a larger sweep nobody waits for an answer. */
const MOST_POINTS = 300;

/**
 * The points of a sweep that ask a server on GPUs, as `ridge plan` expands them.
 * @throws CommandError (2) for a file that is no sweep, has too many points, or says itself what a flag says.
 */
export function sweepPoints(file: string, options: SimulateOptions): Points {
  refuseBeside(options);
  const { sweep } = openSweep(file);
  const space = planSpace(sweep);
  if (space.count > MOST_POINTS)
    throw usageError(
      `${file} has ${space.count} points, and ${MOST_POINTS} are simulated at most`,
      'Narrow it, or plan it with `ridge plan FILE --hardware NAME`, which looks at some of them.',
    );
  const host = options.calibration === undefined ? null : readHost(options.calibration);
  const reader = new PointReader(localModelFolders(file, sweep, options.models));
  const labelOf = labelsIn(sweep);
  const points: Point[] = [];
  const leftOut: LeftOut[] = space.impossible.map(({ reason, count }) => ({
    label: `${count} combination${count === 1 ? '' : 's'}`,
    reason,
  }));
  for (let position = 0; position < space.count; position++) {
    const experiment = experimentAt(space, position);
    const found = pointOf(experiment, reader, host, options);
    if (typeof found === 'string') leftOut.push({ label: labelOf(experiment), reason: found });
    else points.push(found);
  }
  return { points, leftOut, notes: reader.notes };
}

/** @throws CommandError (2) for flags that say what the sweep says. */
function refuseBeside(options: SimulateOptions): void {
  const { engine, bits, tensorParallel, expertParallel, replicas, memoryShare, flag, load } = options;
  const named = { engine, bits, tensorParallel, expertParallel, replicas, memoryShare };
  const [typed] = [
    ...Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [`--${dashed(name)}`])),
    ...(flag.length > 0 ? ['--flag'] : []),
    ...flagsTyped(LOAD_OPTIONS, load),
  ];
  if (typed !== undefined)
    throw usageError(
      `${typed} is of a load on a model, and a sweep says itself what is served and what is sent`,
      'Leave it out, or change the sweep.',
    );
}

const dashed = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** @returns in a clause why nothing can be predicted. */
function pointOf(
  experiment: Experiment,
  reader: PointReader,
  host: HostTimes | null,
  options: SimulateOptions,
): Point | string {
  const device = deviceOf(experiment, options);
  if (device === null)
    return `it asks for a device of class ${experiment.device}, and --hardware names no GPU in its place`;
  const shapes = reader.shapes(experiment);
  if (typeof shapes === 'string') return shapes;
  const trace = reader.trace(experiment);
  try {
    const { architecture } = shapes;
    const given = { point: experiment, architecture, device, release: null, host, own: null, trace };
    const asked = askedServer(given);
    if ('reasons' in asked) return asked.reasons.join('; ');
    const load = readOptions(serving.options, experiment.workload.options);
    if (load.trace !== null && trace === null) return `the trace ${load.trace} is not here`;
    const predicted = predictedServer(asked);
    if (!isKnown(predicted)) return predicted.join('; ');
    return { axes: axisValues(experiment), options: load, trace, predicted };
  } catch (error) {
    return toFailure(error).message;
  }
}

/** @returns the GPU that was typed, else the one that the point names; null where it names no GPU at all. */
function deviceOf({ device }: Experiment, { hardware }: SimulateOptions) {
  if (hardware !== undefined) return requireHardware(hardware);
  const [kind, model] = device.split(':');
  if (kind !== 'cuda') return null;
  return hardwareNamed(model ?? DEFAULT_HARDWARE);
}
