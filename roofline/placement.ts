import type { ThreadFactors } from '../core/result/factors.js';
import type { ProfiledPhase } from '../core/result/profile-record.js';
import type { BoundLevel, RooflineModule, RooflinePhase } from '../core/result/roofline-record.js';
import { type CountedPass, operatorsOf, type PhaseWork, workingSetOf } from '../core/work/phase-work.js';
import type { Arithmetic, OperatorWork } from '../core/work/work.js';
import { peakFor } from './ceilings.js';
import { type ErrorBand, errorBandOf } from './error-band.js';
import { bandwidthOf, levelOf, type MachineModel, peakOf } from './machine-model.js';
import { throughAll } from './pipeline.js';
import { predictPass, unpredictable } from './predict.js';
import { moduleRows } from './profile/table.js';

/** What one device computes of a phase, and what it is held against. */
interface DevicePart {
  readonly work: PhaseWork;
  readonly machineModel: MachineModel;
  /**
   * `roofs` predicts what the roofs allow: of kernels that nobody fits factors of. null = nothing is
   * predicted.
   */
  readonly factors: ThreadFactors | 'roofs' | null;
}

interface ExpectRequest extends DevicePart {
  /** Devices that have the layers behind its own, each with its part of the same passes; left out = none. */
  readonly behind?: readonly DevicePart[];
  /** A pass may be on one device while the one before it is on the next; left out = it waits. */
  readonly overlaps?: boolean;
  /** That the phase runs on; left out = those that the factors are of. */
  readonly threads?: number;
}

export interface PlacementRequest extends ExpectRequest {
  /** Of one repeat. */
  readonly measuredSeconds: number;
  readonly profiled: ProfiledPhase | null;
}

/** What can be said of a phase before it has run. */
export interface ExpectedPhase {
  /** Where weights and cache come from; of several devices the farthest. */
  readonly level: BoundLevel;
  /** The least time that the roofs allow, and what decides. */
  readonly roof: { readonly seconds: number; readonly bound: 'memory' | 'compute' };
  /** null without factors, and for work that they say nothing of. */
  readonly predictedSeconds: number | null;
  /**
   * How far it may lie off; null where nobody looked, as at several devices, or nothing is predicted by
   * factors.
   */
  readonly band: ErrorBand | null;
  /** Why they say nothing; null where they do, or there are none. */
  readonly notPredicted: string | null;
}

/** A part with what follows from it. */
interface OpenPart extends DevicePart {
  readonly operators: readonly OperatorWork[];
  readonly level: BoundLevel;
}

/** The parts of a phase, in the order in which a pass goes through them. */
class Parts {
  readonly all: readonly OpenPart[];
  readonly overlaps: boolean;

  constructor({ behind = [], overlaps = false, ...first }: ExpectRequest) {
    this.all = [first, ...behind].map((part) => ({
      ...part,
      operators: operatorsOf(part.work),
      level: levelOf(part.machineModel, Math.max(...part.work.passes.map(workingSetOf))),
    }));
    this.overlaps = overlaps;
  }

  get operators(): readonly OperatorWork[] {
    return this.all.flatMap(({ operators }) => operators);
  }

  get level(): BoundLevel {
    const [first] = this.all;
    return this.all.find(({ level }) => level === 'memory')?.level ?? first!.level;
  }

  /** The least time of some of the operators on every device, one behind the other. */
  roof(of: (work: OperatorWork) => boolean = () => true): RoofTimes {
    const times = this.all.map(({ operators, machineModel, level }) =>
      roofTimes(operators.filter(of), machineModel, level),
    );
    return times.reduce((a, b) => ({
      seconds: a.seconds + b.seconds,
      memorySeconds: a.memorySeconds + b.memorySeconds,
    }));
  }

  /** Until all passes are through, by what a pass takes on a device. */
  seconds(of: (pass: CountedPass, part: OpenPart) => number): number {
    const [first] = this.all;
    const passes = first!.work.passes.map(({ times }, i) => ({
      times,
      seconds: this.all.map((part) => of(part.work.passes[i]!, part)),
    }));
    return throughAll(passes, this.overlaps);
  }

  /**
   * The rate at which all devices together get through what the passes ask of each.
   * @param own of a device; null = it is not known.
   */
  rate(amount: (pass: CountedPass) => number, own: (part: OpenPart) => number | null): number | null {
    const rates = this.all.map(own);
    const [first] = rates;
    if (rates.includes(null)) return null;
    if (!this.overlaps && rates.every((rate) => rate === first)) return first!;
    const seconds = this.seconds((pass, part) => amount(pass) / own(part)!);
    const total = this.all.reduce(
      (sum, { work }) =>
        sum + work.passes.reduce((ofDevice, pass) => ofDevice + pass.times * amount(pass), 0),
      0,
    );
    return seconds === 0 ? first! : total / seconds;
  }

  /** Says nothing where it is not known of one of them. */
  predicted(): number | null {
    const { all } = this;
    if (all.every(({ factors }) => factors === 'roofs')) return this.roofSeconds();
    if (all.some(({ factors }) => factors === null || factors === 'roofs')) return null;
    return this.seconds((pass, { machineModel, factors }) => {
      const { tokens, queries } = pass;
      const context = { machineModel, factors: factors as ThreadFactors, tokens, queries };
      return predictPass(pass.work, { ...context, workingSet: workingSetOf(pass) }).seconds;
    });
  }

  roofSeconds(): number {
    if (!this.overlaps) return this.roof().seconds;
    return this.seconds(
      ({ work }, { machineModel, level }) => roofTimes(work.operators, machineModel, level).seconds,
    );
  }
}

/** Says of one repeat of a phase what the roofs allow, and what is predicted by factors. */
export function expectPhase(request: ExpectRequest): ExpectedPhase {
  return expected(new Parts(request), request);
}

function expected(parts: Parts, { work, threads }: ExpectRequest): ExpectedPhase {
  const { all, level } = parts;
  const roof = { seconds: parts.roofSeconds(), bound: boundOf(parts.roof()) };
  const factors = all.map((part) => part.factors);
  const fits = factors.every((one) => one !== null && one !== 'roofs');
  const notPredicted = fits ? unpredictable(parts.operators) : null;
  const predictedSeconds = notPredicted === null ? parts.predicted() : null;
  const [only] = factors;
  const alone = all.length === 1 && only !== null && only !== 'roofs' && predictedSeconds !== null;
  return {
    level,
    roof,
    predictedSeconds,
    notPredicted,
    band: alone ? errorBandOf(work, only!, threads) : null,
  };
}

/** Places one phase: what it asked, what the roofs allow, what was predicted, what was measured. */
export function placePhase(request: PlacementRequest): RooflinePhase {
  const { work, measuredSeconds, profiled } = request;
  const parts = new Parts(request);
  const { operators } = parts;
  const { level, roof, predictedSeconds, band, notPredicted } = expected(parts, request);
  const sum = (numberOf: (operator: OperatorWork) => number) =>
    operators.reduce((total, one) => total + numberOf(one), 0);
  const flops = sum((one) => one.flops);
  const bytes = {
    weights: sum(({ traffic }) => traffic.weightsRead),
    cacheRead: sum(({ traffic }) => traffic.cacheRead),
    cacheWritten: sum(({ traffic }) => traffic.cacheWritten),
    activations: sum(({ traffic }) => traffic.activationsRead + traffic.activationsWritten),
  };
  const read = bytes.weights + bytes.cacheRead;
  const arithmetic = mainArithmetic(operators);
  const flopsPerSecond = parts.rate(flopsOf, ({ machineModel }) => peakOf(machineModel, arithmetic));
  const peak =
    flopsPerSecond === null
      ? null
      : { arithmetic: peakFor(request.machineModel.ceilings, arithmetic)!.arithmetic, flopsPerSecond };
  const bytesPerSecond = parts.rate(workingSetOf, (part) => bandwidthOf(part.machineModel, part.level))!;
  const bandwidth = { level, bytesPerSecond };
  return {
    name: work.name,
    tokens: work.tokens,
    passes: work.passes.reduce((total, { times }) => total + times, 0),
    flops,
    bytes,
    intensity: flops / read,
    measuredSeconds,
    roofSeconds: roof.seconds,
    predictedSeconds,
    ...(band === null ? {} : { predictionError: { ratio: band.ratio, beyond: [...band.beyond] } }),
    ...(notPredicted === null ? {} : { notPredicted }),
    residualRatio: predictedSeconds === null ? null : measuredSeconds / predictedSeconds,
    flopsPerSecond: flops / measuredSeconds,
    bytesPerSecond: read / measuredSeconds,
    mfu: peak === null ? null : flops / measuredSeconds / peak.flopsPerSecond,
    peak,
    mbu: read / measuredSeconds / bandwidth.bytesPerSecond,
    bandwidth,
    roofRatio: roof.seconds / measuredSeconds,
    bound: roof.bound,
    boundLevel: roof.bound === 'memory' ? level : (peak?.arithmetic ?? arithmetic),
    modules: profiled === null ? null : modulesOf(profiled, work, parts),
  };
}

function flopsOf({ work }: CountedPass): number {
  return work.operators.reduce((sum, { flops }) => sum + flops, 0);
}

/** The profiled run may have had fewer passes than a repeat: its work is in proportion. */
function modulesOf(profiled: ProfiledPhase, work: PhaseWork, parts: Parts): RooflineModule[] {
  const share = profiled.tokens / work.tokens;
  const { operators } = parts;
  return moduleRows(profiled, operators, share).map((row) => {
    const isOwn = ({ module }: OperatorWork) => module === row.module;
    if (row.flops === null || !operators.some(isOwn)) return { ...row, roofRatio: null, bound: null };
    const roof = parts.roof(isOwn);
    return { ...row, roofRatio: (roof.seconds * share) / row.seconds, bound: boundOf(roof) };
  });
}

/** An operator at the roofs of its device: the least time that they allow. */
interface RoofTime {
  readonly memorySeconds: number;
  readonly computeSeconds: number;
  readonly seconds: number;
}

/**
 * Weights and cache come at the bandwidth of their level, activations at that of the near cache (they were
 * written a moment ago), and FLOPs go at the peak of their arithmetic; whichever takes longest counts. An
 * arithmetic without a known peak takes no time, which leaves a lower bound.
 */
function roofTime(
  { traffic, flops, arithmetic }: OperatorWork,
  machineModel: MachineModel,
  level: BoundLevel,
): RoofTime {
  const stored = traffic.weightsRead + traffic.cacheRead + traffic.cacheWritten;
  const near = traffic.activationsRead + traffic.activationsWritten;
  const memorySeconds = Math.max(
    stored / bandwidthOf(machineModel, level),
    near / machineModel.nearBytesPerSecond,
  );
  const peak = peakOf(machineModel, arithmetic);
  const computeSeconds = peak === null ? 0 : flops / peak;
  return { memorySeconds, computeSeconds, seconds: Math.max(memorySeconds, computeSeconds) };
}

/** Operators one behind the other: the sum of their times, and of the times of those that memory bounds. */
interface RoofTimes {
  readonly seconds: number;
  readonly memorySeconds: number;
}

function roofTimes(
  operators: readonly OperatorWork[],
  machineModel: MachineModel,
  level: BoundLevel,
): RoofTimes {
  const times = operators.map((work) => roofTime(work, machineModel, level));
  const seconds = times.reduce((sum, time) => sum + time.seconds, 0);
  const memorySeconds = times
    .filter((time) => time.memorySeconds >= time.computeSeconds)
    .reduce((sum, time) => sum + time.seconds, 0);
  return { seconds, memorySeconds };
}

/** @returns what bounds most of the time. */
function boundOf({ seconds, memorySeconds }: RoofTimes): 'memory' | 'compute' {
  return memorySeconds >= seconds / 2 ? 'memory' : 'compute';
}

/** @returns the arithmetic that most FLOPs are in. */
function mainArithmetic(operators: readonly OperatorWork[]): Arithmetic {
  const flops = new Map<Arithmetic, number>();
  for (const work of operators) flops.set(work.arithmetic, (flops.get(work.arithmetic) ?? 0) + work.flops);
  return [...flops].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'f32';
}
