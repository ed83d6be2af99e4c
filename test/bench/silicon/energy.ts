import type { PredictedServer } from '../../../batching/predicted-server.js';
import { getOrMake, groupBy } from '../../../core/maps.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { search } from '../../../roofline/factors/search.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { BAND_90 } from '../../../roofline/step/calls-time.js';
import { type DevicePower, powerOf, powerOn } from '../../../roofline/step/power.js';
import { withHost } from '../../../roofline/step/setting.js';
import { mean } from '../../../statistics/summary.js';
import type { Figure } from '../figure.js';
import type { Clone } from './clone.js';
import { OTHER_MODELS } from './energy-models.js';
import { errorsOf, percent } from './judged.js';
import { type EnergyPoint, energyPoints } from './ml-energy.js';
import { type Servers, timedServer } from './predictions.js';

/** A server of the leaderboard, with what a device does of one step in the mean: prompts take their part. */
interface Drawn {
  readonly device: string;
  readonly model: string;
  readonly measured: { readonly seconds: number; readonly watts: number };
  /** Of the mean step, without the host. */
  readonly kernelSeconds: number;
  readonly memory: number;
  readonly compute: number;
  /** Running on one group of devices. */
  readonly newTokens: number;
}

/** Of J/token, watts or seconds a step: ln(predicted / measured). */
type Miss = (one: Drawn) => number;

/** Configurations of text that ML.ENERGY's leaderboard has. */
const LISTED = 565;
const TASKS = 'gpqa, lm-arena-chat, sourcegraph-fim';
const MOST = 0.15;

/**
 * Judges watts and joules a token by ML.ENERGY's leaderboard (vLLM 0.11): as the package predicts them, with
 * no time of the host; and with the host's times and the device's shares of power fitted to the leaderboard's
 * other models, which nothing of is shipped.
 */
export function judgeEnergy(clone: Clone, servers: Servers): Figure[] {
  const points = energyPoints(clone, OTHER_MODELS);
  const timed = new Map<string, PredictedServer | string>();
  const refused: string[] = [];
  const drawn = points.flatMap((point) => {
    const server = getOrMake(timed, JSON.stringify(point.setting), () => serverOf(point, servers));
    if (typeof server !== 'string') return [drawnBy(point, server)];
    refused.push(`${point.setting.model.name} on ${point.setting.device}: ${server}`);
    return [];
  });
  console.log(`\nML.ENERGY (${TASKS}): ${drawn.length} of ${LISTED} configurations answered`);
  for (const [reason, all] of groupBy(refused, (reason) => reason))
    console.log(`  ${all.length} × ${reason}`);
  return [...groupBy(drawn, ({ device }) => device)].map(([device, own]) => judgeDevice(device, own));
}

/** The package has configs of most; of the others they lie in the wheel. */
function serverOf({ setting }: EnergyPoint, servers: Servers): PredictedServer | string {
  const read = namedArchitecture(setting.model.name);
  return read.ok ? timedServer(read.architecture, setting) : servers.serverOf(setting);
}

/** In the mean, each step computes as much of prompts as keeps so many sequences running. */
function drawnBy(point: EnergyPoint, { step }: PredictedServer): Drawn {
  const { setting, sequences, promptTokens, answerTokens, tokensPerSecond, watts } = point;
  const { device, served, model } = setting;
  const decode = step.timeOf({
    decodes: sequences,
    contextTokens: promptTokens + answerTokens / 2,
    chunks: [],
  });
  const prompt = step.timeOf({
    decodes: 0,
    contextTokens: 0,
    chunks: [{ newTokens: promptTokens, cachedTokens: 0 }],
  });
  const prompts = sequences / answerTokens;
  return {
    device,
    model: model.name,
    measured: { seconds: (sequences * served.data) / tokensPerSecond, watts: watts / served.devices },
    kernelSeconds: decode.seconds + prompts * prompt.seconds,
    memory: decode.roofs.memory + prompts * prompt.roofs.memory,
    compute: decode.roofs.compute + prompts * prompt.roofs.compute,
    newTokens: sequences + prompts * promptTokens,
  };
}

interface HostTime {
  readonly kernelFactor: number;
  readonly stepSeconds: number;
  readonly tokenSeconds: number;
}
const NO_HOST: HostTime = { kernelFactor: 1, stepSeconds: 0, tokenSeconds: 0 };

const secondsOf = (one: Drawn, host: HostTime) => withHost(one.kernelSeconds, 1, one.newTokens, host);

const timeMiss =
  (host: HostTime): Miss =>
  (one) =>
    Math.log(secondsOf(one, host) / one.measured.seconds);

/** @param seconds that a step takes. */
function drawnAt(one: Drawn, seconds: number, host: HostTime, power: DevicePower) {
  const kernelSeconds = Math.min(seconds, one.kernelSeconds * host.kernelFactor);
  return powerOf({ seconds, kernelSeconds, roofs: one }, power);
}

/** Where the time is as it was measured: what is left is of watts. */
const wattsMiss =
  (power: DevicePower): Miss =>
  (one) =>
    Math.log(drawnAt(one, one.measured.seconds, NO_HOST, power).watts / one.measured.watts);

const joulesMiss =
  (host: HostTime, power: DevicePower): Miss =>
  (one) => {
    const seconds = secondsOf(one, host);
    const joules = seconds * drawnAt(one, seconds, host, power).watts;
    return Math.log(joules / (one.measured.seconds * one.measured.watts));
  };

/** Mean over models, of which some have ten times the rows of others. */
const lossOf = (all: readonly Drawn[], miss: Miss) =>
  mean(
    [...groupBy(all, ({ model }) => model).values()].map((own) =>
      mean(own.map((one) => Math.abs(miss(one)))),
    ),
  );

function fitted(all: readonly Drawn[], limitWatts: number): { host: HostTime; power: DevicePower } {
  const host = search(
    {
      kernelFactor: { start: 1, least: 0.5, most: 3 },
      stepSeconds: { start: 1e-3, least: 1e-5, most: 5e-2 },
      tokenSeconds: { start: 1e-5, least: 1e-7, most: 1e-3 },
    },
    (values) => lossOf(all, timeMiss(values)),
  );
  const powerBy = (shares: Readonly<Record<'floor' | 'memory' | 'compute', number>>): DevicePower => ({
    limitWatts,
    shares: [[1, { ...shares, spread: 0, source: 'the leaderboard' }]],
    standInSpread: 0,
    widened: null,
  });
  const shares = search(
    {
      floor: { start: 0.25, least: 0.05, most: 0.9 },
      memory: { start: 1, least: 0.05, most: 5 },
      compute: { start: 1, least: 0.05, most: 5 },
    },
    (values) => lossOf(all, wattsMiss(powerBy(values))),
  );
  return { host, power: powerBy(shares) };
}

function judgeDevice(device: string, all: readonly Drawn[]): Figure {
  const shipped = powerOn(requireHardware(device));
  if (typeof shipped === 'string') throw new Error(shipped);
  const byModel = groupBy(all, ({ model }) => model);
  const leftOut = [...byModel].flatMap(([model, own]) => {
    const { host, power } = fitted(
      all.filter((one) => one.model !== model),
      shipped.limitWatts,
    );
    return own.map((one) => ({
      one,
      miss: joulesMiss(host, power)(one),
      time: timeMiss(host)(one),
      watts: wattsMiss(power)(one),
    }));
  });
  console.log(`\n${device}: ${all.length} configurations${''.padEnd(20)} median |e|, bias, p90`);
  const line = (label: string, misses: readonly number[]) => {
    const { points, median: middle, bias, p90 } = errorsOf(misses);
    const cells = [middle, bias, p90].map((share) => percent(share).padStart(9)).join('');
    console.log(`  ${label.padEnd(48)} ${String(points).padStart(4)}${cells}`);
  };
  line('watts, time as measured, the package', all.map(wattsMiss(shipped)));
  const held = all.filter((one) => {
    const { spread } = drawnAt(one, one.measured.seconds, NO_HOST, shipped);
    return Math.abs(wattsMiss(shipped)(one)) <= BAND_90 * spread;
  });
  console.log(`  its band of 90 % of watts holds ${percent(held.length / all.length)}`);
  line('time of a step, the package', all.map(timeMiss(NO_HOST)));
  line('J/token, the package', all.map(joulesMiss(NO_HOST, shipped)));
  line(
    'time of a step, model left out',
    leftOut.map(({ time }) => time),
  );
  line(
    'watts, time as measured, model left out',
    leftOut.map(({ watts }) => watts),
  );
  line(
    'J/token, model left out',
    leftOut.map(({ miss }) => miss),
  );
  for (const [model, own] of groupBy(leftOut, ({ one }) => one.model))
    line(
      `  ${model}`,
      own.map(({ miss }) => miss),
    );
  const { median: error } = errorsOf(leftOut.map(({ miss }) => miss));
  const ofPackage = errorsOf(all.map(joulesMiss(NO_HOST, shipped))).median;
  return {
    claim: `median error of J/token on ${device}, model left out`,
    measured: `${percent(error)} on ${all.length} configurations (the package as it is ${percent(ofPackage)})`,
    required: `at most ${percent(MOST)}`,
    holds: error <= MOST,
  };
}
