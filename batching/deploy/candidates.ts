import type { Parallelism } from '../../core/work/pass/setting.js';
import { servedFormats } from '../../roofline/analysis/bits.js';
import { splitsOf } from '../../roofline/fit/split.js';
import type { Hardware } from '../../roofline/hardware/figure.js';
import { isKnown } from '../../roofline/step/calls-time.js';
import { type PredictedServer, predictedServer } from '../predicted-server.js';
import { type Demand, type Hopeless, leastReplicas } from './demand.js';
import type { DeployedEngine, DeployQuestion } from './question.js';

/** A line of the answer: of all ways to spread the model over such devices the best is looked for. */
export interface Line {
  readonly device: Hardware;
  readonly engine: DeployedEngine;
  readonly bits: string;
}

/** One way to serve, on one replica. */
export interface Candidate extends Line {
  readonly parallelism: Parallelism;
  readonly predicted: PredictedServer;
  /** That can keep the objectives, by memory and steady throughput. */
  readonly leastReplicas: number;
}

/** Why a line has no candidate: a clause. */
export interface LeftOut extends Line {
  readonly reason: string;
}

/** @returns all ways to serve, and the lines that have none. */
export function candidatesOf(
  question: DeployQuestion,
  demand: Demand,
): { readonly candidates: readonly Candidate[]; readonly leftOut: readonly LeftOut[] } {
  const candidates: Candidate[] = [];
  const leftOut: LeftOut[] = [];
  for (const line of linesOf(question)) {
    const found = ofLine(line, question, demand);
    if (typeof found === 'string') leftOut.push({ ...line, reason: found });
    else candidates.push(...found);
  }
  return { candidates, leftOut };
}

function linesOf({ devices, engines, bits }: DeployQuestion): Line[] {
  return engines.flatMap((engine) =>
    devices.flatMap((device) => bits.map((word): Line => ({ device, engine, bits: word }))),
  );
}

/** @returns why there is none, by the split that came nearest. */
function ofLine(line: Line, question: DeployQuestion, demand: Demand): Candidate[] | string {
  const found: Candidate[] = [];
  let nearest: Hopeless = {
    reason: `the model cannot be spread so over ${question.mostDevices} devices`,
    times: Number.POSITIVE_INFINITY,
  };
  for (const parallelism of splits(question)) {
    const predicted = serverOf(line, parallelism, question);
    if (!isKnown(predicted)) {
      if (nearest.times === Number.POSITIVE_INFINITY) nearest = { ...nearest, reason: predicted.join('; ') };
      continue;
    }
    const least = leastReplicas(predicted, demand, question.objectives);
    if (typeof least === 'number') found.push({ ...line, parallelism, predicted, leastReplicas: least });
    else if (least.times < nearest.times) nearest = { ...least, reason: onDevices(predicted, least) };
  }
  return found.length > 0 ? found : nearest.reason;
}

const onDevices = ({ devices }: PredictedServer, { reason }: Hopeless) =>
  devices === 1 ? reason : `on ${devices} devices ${reason}`;

/** What holds the model, on more devices than were allowed. */
export interface Holding extends Line {
  readonly devices: number;
}

const MOST_HOLDING = 64;

/** @returns the line that holds the model on the fewest devices beyond those allowed; null = none does. */
export function fewestHolding(question: DeployQuestion): Holding | null {
  for (let devices = 2 * question.mostDevices; devices <= MOST_HOLDING; devices *= 2)
    for (const line of linesOf(question))
      for (const parallelism of splitsOf(question.architecture, devices, { ...question.split, pipeline: 1 }))
        if (isKnown(serverOf(line, parallelism, question))) return { ...line, devices };
  return null;
}

/** One, two, four, … devices; stages of a pipeline are not simulated. */
function splits({ architecture, mostDevices, split }: DeployQuestion): Parallelism[] {
  const all: Parallelism[] = [];
  for (let devices = 1; devices <= mostDevices; devices *= 2)
    all.push(...splitsOf(architecture, devices, { ...split, pipeline: split.pipeline ?? 1 }));
  return all;
}

function serverOf({ device, engine, bits }: Line, parallelism: Parallelism, question: DeployQuestion) {
  const { architecture, flags, memoryShare } = question;
  return predictedServer({
    architecture,
    formats: servedFormats(bits)!,
    device,
    memoryBytes: device.memoryBytes!.value,
    engine: engine.engine,
    release: engine.release,
    parallelism,
    replicas: 1,
    flags,
    memoryShare,
    host: engine.host,
    own: null,
  });
}
