import type { DevicePrices } from '../../../batching/deploy/question.js';
import { type PredictedPoint, predictedPoint } from '../../../batching/predicted-point.js';
import { toFailure } from '../../../core/errors.js';
import type { Experiment, Options } from '../../../core/experiment/experiment.js';
import { runnerNamed } from '../../../core/runners/index.js';
import { nodeDemands } from '../../../core/runners/node-demands.js';
import { experimentAt } from '../../../core/sweep/expand.js';
import { axisValues, labelsIn } from '../../../core/sweep/labels.js';
import { planSpace, type Space } from '../../../core/sweep/space.js';
import type { Sweep } from '../../../core/sweep/spec.js';
import { hardwareNamed } from '../../../roofline/hardware/catalogue.js';
import { BAND_90 } from '../../../roofline/step/calls-time.js';
import { floorWatts, powerOn } from '../../../roofline/step/power.js';
import type { HostTimes } from '../../../roofline/step/setting.js';
import { asWords, CommandError, EXIT, usageError } from '../../exit.js';
import { localModelFolders } from '../../local-models.js';
import { readDevicePrices } from '../../prices/device-prices.js';
import { readHost } from '../../roofline/open-predictor.js';
import { openSweep } from '../../sweep-file.js';
import type { PlanOptions } from '../command.js';
import { SECONDS_AROUND_A_TRIAL } from '../estimate.js';
import { startsOf } from '../sweep-time.js';
import { nodeText, nodeWord, type RentedNode, rentedNodes } from './nodes.js';
import { PointReader } from './point-reader.js';

/** Most points that are simulated, evenly spread over the sweep. */
const MOST_SIMULATED = 200;

/** One start of a point on a node that may be rented, from the start of its process to its record. */
export interface PredictedStart extends PredictedPoint {
  readonly startSeconds: number;
  readonly deviceSeconds: number;
  /** While its requests run, and before and behind them at the floor of its devices; null = nobody knows. */
  readonly startJoules: number | null;
}

/** A point of the sweep on a node; nothing of it was measured. */
export interface RentedRow {
  readonly position: number;
  readonly id: string;
  readonly axes: Readonly<Record<string, unknown>>;
  readonly label: string;
  readonly predicted: PredictedStart | null;
  /** In clauses why it is not predicted; empty where it is. */
  readonly absent: readonly string[];
}

/** A number with what lies around it nine times of ten. */
export interface Banded {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** A sweep on one node. */
export interface RentedSweep {
  readonly node: RentedNode;
  readonly sources: readonly string[];
  readonly widened: readonly string[];
  readonly rows: readonly RentedRow[];
  /** Starts of predicted points that the whole sweep or the budget of its search has. */
  readonly starts: number;
  /** What ends it before all points are measured: a clause; null = nothing does. */
  readonly ends: string | null;
  readonly deviceHours: Banded;
  /** null = nobody knows what the device draws, for the reason beside it. */
  readonly kilowattHours: Banded | null;
  readonly noEnergy: string | null;
  /** Device-hours and energy by the user's list; null = there is none, or it lacks this device. */
  readonly money: Banded | null;
}

export interface RentedPlan {
  readonly sweep: Sweep;
  readonly space: Space;
  /** Points that were simulated. */
  readonly looked: number;
  readonly serverStartSeconds: number | null;
  readonly host: HostTimes | null;
  /** Of the user's price list. */
  readonly currency: string | null;
  /** What a reader should know of all of it: sentences. */
  readonly notes: readonly string[];
  readonly nodes: readonly RentedSweep[];
}

/**
 * Predicts a sweep on nodes that nobody has rented yet.
 * @throws CommandError (2) for words that are wrong, a sweep that asks no server on GPUs, (5) where nothing
 *   of it can run on any of the nodes.
 */
export function rentedPlan(file: string, hardware: string, options: PlanOptions): RentedPlan {
  const nodes = rentedNodes(hardware);
  const host = options.calibration === undefined ? null : asWords(() => readHost(options.calibration!));
  const devices = [...new Set(nodes.map(({ device }) => device))];
  const priced = options.prices === undefined ? null : readDevicePrices(options.prices, devices);
  const { sweep } = openSweep(file);
  requireServersOnGpus(sweep);
  const space = planSpace(sweep);
  const looked = Math.min(space.count, MOST_SIMULATED);
  const positions = Array.from({ length: looked }, (_, i) => Math.floor((i * space.count) / looked));
  const reader = new PointReader(localModelFolders(file, sweep, options.models));
  const serverStartSeconds = options.serverStart ?? null;
  const experiments = positions.map((position) => experimentAt(space, position));
  const open = experiments.every(({ runner }) => leavesSpreadOpen(runner.options));
  const predictor = new StartPredictor(reader, host, serverStartSeconds ?? 0, open);
  const labelOf = labelsIn(sweep);
  const planned = nodes.map((node) => {
    const rows = experiments.map((experiment, i): RentedRow => {
      const found = predictor.predict(experiment, node);
      const known = 'source' in found;
      return {
        position: positions[i]!,
        id: experiment.id,
        axes: axisValues(experiment),
        label: labelOf(experiment),
        predicted: known ? found : null,
        absent: known ? [] : found,
      };
    });
    return sweepOn(node, rows, { sweep, space, prices: priced?.prices ?? null });
  });
  if (planned.every(({ rows }) => rows.every(({ predicted }) => predicted === null)))
    throw nothingPredicted(planned);
  return {
    sweep,
    space,
    looked,
    serverStartSeconds,
    host,
    currency: priced?.prices.currency ?? null,
    notes: [...reader.notes, ...predictor.notes, ...(priced?.notes ?? [])],
    nodes: planned,
  };
}

/** @throws CommandError (2) that names the runners where none has operators measured on GPUs. */
function requireServersOnGpus({ runners, placement }: Sweep): void {
  const kinds = [...new Set(runners.map(({ kind }) => kind))];
  const hint = 'Leave --hardware out to plan it for this machine.';
  if (kinds.every((kind) => runnerNamed(kind)?.tables == null))
    throw usageError(
      `no operators were measured on GPUs of the runners of this sweep: ${kinds.join(', ')}`,
      hint,
    );
  const { devices } = placement;
  if (devices.every((device) => !onGpus(device)))
    throw usageError(
      `the sweep asks for no GPU: its placement has ${devices.join(', ')}`,
      `Write device: cuda below placement. ${hint}`,
    );
}

const onGpus = (device: string) => device === 'cuda' || device.startsWith('cuda:');

function leavesSpreadOpen(options: Options): boolean {
  const { tensorParallel = null, pipelineParallel = null, dataParallel = null } = options;
  return tensorParallel === null && pipelineParallel === null && dataParallel === null;
}

class StartPredictor {
  readonly #reader: PointReader;
  readonly #host: HostTimes | null;
  readonly #serverStartSeconds: number;
  /** No point says how its model is spread: it is on all devices of a node. */
  readonly #spreads: boolean;
  readonly #notes = new Set<string>();

  constructor(reader: PointReader, host: HostTimes | null, serverStartSeconds: number, spreads: boolean) {
    this.#spreads = spreads;
    this.#reader = reader;
    this.#host = host;
    this.#serverStartSeconds = serverStartSeconds;
  }

  get notes(): readonly string[] {
    return [...this.#notes];
  }

  predict(experiment: Experiment, node: RentedNode): PredictedStart | readonly string[] {
    const { device, count } = node;
    const wanted = experiment.device.split(':')[1];
    if (!onGpus(experiment.device)) return [`it asks for a device of class ${experiment.device}`];
    if (wanted !== undefined && hardwareNamed(wanted)?.id !== device.id)
      return [`it asks for a device of class ${experiment.device}`];
    const options = this.#spread(experiment.runner.options, node);
    const { devices } = nodeDemands(options);
    if (devices > count) return [`it takes ${devices} devices, and ${nodeWord(node)} has ${count}`];
    const shapes = this.#reader.shapes(experiment);
    if (typeof shapes === 'string') return [shapes];
    try {
      const found = predictedPoint({
        point: { ...experiment, runner: { ...experiment.runner, options } },
        architecture: shapes.architecture,
        device,
        release: null,
        host: this.#host,
        own: null,
        trace: this.#reader.trace(experiment),
      });
      return 'source' in found ? this.#startOf(found, node) : found;
    } catch (error) {
      return [toFailure(error).message];
    }
  }

  #spread(options: Options, node: RentedNode): Options {
    if (node.count === 1 || !this.#spreads || !Object.hasOwn(options, 'tensorParallel')) return options;
    this.#notes.add(
      `the sweep leaves open how a model is spread: on ${nodeWord(node)} it is predicted with tensorParallel ${node.count}, which its file has to say for a run to do the same`,
    );
    return { ...options, tensorParallel: node.count };
  }

  #startOf(found: PredictedPoint, { device }: RentedNode): PredictedStart {
    const { runSeconds, aroundSeconds, devices, joules } = found;
    const around = SECONDS_AROUND_A_TRIAL + aroundSeconds + this.#serverStartSeconds;
    const power = powerOn(device);
    return {
      ...found,
      startSeconds: around + runSeconds,
      deviceSeconds: devices * (around + runSeconds),
      startJoules:
        typeof joules === 'string' || typeof power === 'string'
          ? null
          : joules + floorWatts(power) * devices * around,
    };
  }
}

interface PricedSweep extends Pick<RentedPlan, 'sweep' | 'space'> {
  readonly prices: DevicePrices | null;
}

function sweepOn(
  node: RentedNode,
  rows: readonly RentedRow[],
  { sweep, space, prices }: PricedSweep,
): RentedSweep {
  const known = rows.flatMap(({ predicted }) => (predicted === null ? [] : [predicted]));
  const share = rows.length === 0 ? 0 : known.length / rows.length;
  const mean = (of: (start: PredictedStart) => number) =>
    known.length === 0 ? 0 : known.reduce((sum, start) => sum + of(start), 0) / known.length;
  const meanHours = mean(({ deviceSeconds }) => deviceSeconds) / 3600;
  const { starts, ends } = startsPlanned(sweep, share * space.count, meanHours);
  // What tables are off by is off in all points alike: the widest band stands for the sum.
  const ratio = Math.exp(BAND_90 * Math.max(0, ...known.map(({ spread }) => spread)));
  const power = powerOn(node.device);
  const watts = typeof power === 'string' ? 0 : Math.max(0, ...power.shares.map(([, { spread }]) => spread));
  const energyRatio =
    typeof power === 'string'
      ? 1
      : Math.exp(BAND_90 * Math.hypot(Math.log(ratio) / BAND_90, watts, power.standInSpread));
  const joules = mean(({ startJoules }) => startJoules ?? 0);
  const deviceHours = banded(starts * meanHours, ratio);
  const kilowattHours = typeof power === 'string' ? null : banded((starts * joules) / 3.6e6, energyRatio);
  return {
    node,
    sources: [...new Set(known.map(({ source }) => source))],
    widened: [...new Set(known.flatMap(({ widened }) => widened))],
    rows,
    starts,
    ends,
    deviceHours,
    kilowattHours,
    money: prices === null ? null : moneyOf(node, deviceHours, kilowattHours, prices),
    noEnergy: typeof power === 'string' ? power : power.widened,
  };
}

/** Rent follows time and energy follows both: their bands are of one error, and add up. */
function moneyOf(
  { device }: RentedNode,
  deviceHours: Banded,
  kilowattHours: Banded | null,
  { perHour, perKilowattHour }: DevicePrices,
): Banded | null {
  const rent = perHour(device);
  if (rent === null || (kilowattHours === null && perKilowattHour !== null)) return null;
  const moneyAt = (end: keyof Banded) =>
    rent * deviceHours[end] + (perKilowattHour ?? 0) * (kilowattHours?.[end] ?? 0);
  return { value: moneyAt('value'), low: moneyAt('low'), high: moneyAt('high') };
}

const banded = (value: number, ratio: number): Banded => ({ value, low: value / ratio, high: value * ratio });

/** Every start of every point and the drift controls of each block, or what the budget of a search allows. */
function startsPlanned(
  sweep: Sweep,
  points: number,
  hoursOfAStart: number,
): Pick<RentedSweep, 'starts' | 'ends'> {
  const all = Math.round(startsOf(sweep, Math.round(points)));
  const { trials = null, deviceHours = null } = sweep.search?.budget ?? {};
  const inHours = deviceHours === null ? all : Math.max(1, Math.floor(deviceHours / hoursOfAStart));
  const starts = Math.min(all, trials ?? all, inHours);
  if (starts === all) return { starts, ends: null };
  const budget = starts === trials ? `${trials} trials` : `${deviceHours} device-hours`;
  return { starts, ends: `the search ends when its budget of ${budget} is spent, if not before` };
}

/** @returns one sentence with every reason that no point has a prediction. */
function nothingPredicted(planned: readonly RentedSweep[]): CommandError {
  const reasons = planned.map(({ node, rows }) => {
    const clauses = [...new Set(rows.flatMap(({ absent }) => absent))];
    const said = clauses.slice(0, 3).map((clause) => clause.replace(/\.$/, ''));
    return `on ${nodeText(node)} ${said.join('; ')}`;
  });
  return new CommandError(
    `nothing of the sweep can be predicted: ${reasons.join('; ')}`,
    EXIT.nothingRuns,
    'Name other devices or another number of them, or change the sweep.',
  );
}
