import type { Attained, Count } from './attain.js';
import { type DevicesBand, Pairing } from './compare.js';
import { demandOf } from './demand.js';
import { energyOf, type LoadEnergy } from './energy.js';
import type { DeployQuestion } from './question.js';
import { compareRanks, type Found, type Rank, ranking, type Sized, searchDeployments } from './search.js';

/** What the load costs: devices for the time that it takes, and energy. */
export interface LoadMoney {
  readonly currency: string;
  readonly perHour: number;
  /** Of answers. */
  readonly perMillionTokens: number;
}

/** One of the two best, with what it takes. */
export interface Deployed extends Sized {
  readonly band: DevicesBand;
  /** A clause where it is not known. */
  readonly energy: LoadEnergy | string;
  readonly money: LoadMoney | string;
}

/** Which of the two would be first at another speed of the load. */
export interface AtSpeed {
  readonly speed: number;
  /** Devices that each needs; null = more than is looked for. */
  readonly best: number | null;
  readonly runnerUp: number | null;
  readonly flips: boolean;
}

export interface Versus {
  readonly runnerUp: Deployed;
  /** False: within what predictions are off by, the order turns, and it cannot be told. */
  readonly certain: boolean;
  readonly speeds: readonly AtSpeed[];
  /**
   * Price of a device hour of the runner-up, for each of the best one's, below which it costs less; null =
   * they are of the same device.
   */
  readonly priceRatio: number | null;
}

/** The answer among engines that may be ranked against one another. */
export interface DeployAnswer extends Found {
  /** By their ids. */
  readonly engines: readonly string[];
  readonly best: Deployed | null;
  /** null = nothing else keeps the objectives, or was asked for. */
  readonly versus: Versus | null;
  readonly simulations: number;
}

const SPEEDS = [0.5, 2];

/** @returns an answer for each engine, or one for all where every one was calibrated. */
export function deploymentsFor(question: DeployQuestion): DeployAnswer[] {
  const { engines } = question;
  const together = engines.every(({ host }) => host !== null);
  const groups = together ? [engines] : engines.map((engine) => [engine]);
  return groups.map((group) => answerAmong({ ...question, engines: group }));
}

function answerAmong(question: DeployQuestion): DeployAnswer {
  const { load, objectives, engines } = question;
  const count: Count = { simulations: 0 };
  const given = load.at(1);
  const found = searchDeployments(question, given, demandOf(given), count);
  const pairing = new Pairing(load, objectives, count);
  const deployed = (one: Sized): Deployed => {
    const energy = energyOf(one, given);
    return { ...one, band: pairing.bandOf(one), energy, money: moneyOf(one, energy, question) };
  };
  const [first, ...others] = found.lines;
  const second = others.find(({ device }) => device.id !== first!.device.id) ?? others[0];
  const [best = null, runnerUp] = inOrder([first, second].filter((one) => one !== undefined).map(deployed));
  const versus =
    best === null || runnerUp === undefined
      ? null
      : compared(best, runnerUp, pairing, ranking(question.prices));
  return {
    ...found,
    engines: engines.map(({ engine }) => engine.id),
    best,
    versus,
    simulations: count.simulations,
  };
}

/** By money an hour where that of all is known: energy may turn what devices alone cost. */
function inOrder(two: readonly Deployed[]): readonly Deployed[] {
  const perHour = ({ money }: Deployed) => (typeof money === 'string' ? null : money.perHour);
  if (two.some((one) => perHour(one) === null)) return two;
  return [...two].sort((a, b) => perHour(a)! - perHour(b)!);
}

function compared(
  best: Deployed,
  runnerUp: Deployed,
  pairing: Pairing,
  rankOf: (one: Sized, devices: number) => Rank,
): Versus {
  const speeds = SPEEDS.map((speed): AtSpeed => {
    const [own, other] = [best, runnerUp].map((one) => pairing.devicesAt(one, 0, speed)) as [
      number | null,
      number | null,
    ];
    const flips =
      other !== null && (own === null || compareRanks(rankOf(best, own), rankOf(runnerUp, other)) > 0);
    return { speed, best: own, runnerUp: other, flips };
  });
  return {
    runnerUp,
    certain: pairing.staysFirst(best, runnerUp, rankOf),
    speeds,
    priceRatio: best.device.id === runnerUp.device.id ? null : best.devices / runnerUp.devices,
  };
}

function moneyOf(
  { device, devices }: Sized,
  energy: LoadEnergy | string,
  { prices }: DeployQuestion,
): LoadMoney | string {
  if (prices === null) return 'no price list was given';
  const perDevice = prices.perHour(device);
  if (perDevice === null) return `the price list has no ${device.id}`;
  if (typeof energy === 'string') {
    if (prices.perKilowattHour !== null) return `its energy is not known: ${energy}`;
    return 'how long the load takes is not known';
  }
  const { hours, kilowattHours, outputTokens } = energy;
  const perHour = devices * perDevice + (kilowattHours / hours) * (prices.perKilowattHour ?? 0);
  return {
    currency: prices.currency,
    perHour,
    perMillionTokens: (1e6 * perHour * hours) / outputTokens,
  };
}

/** @returns what share of requests each number of replicas that was simulated kept, ascending. */
export function attainmentOf({ looked, devices, attained }: Sized): { devices: number; share: number }[] {
  const each = devices / attained.replicas;
  return looked.map(({ replicas, share }: Attained) => ({ devices: replicas * each, share }));
}
