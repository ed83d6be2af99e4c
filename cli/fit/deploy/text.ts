import type { DeployAnswer, Deployed, Versus } from '../../../batching/deploy/answer.js';
import type { LeftOut, Line } from '../../../batching/deploy/candidates.js';
import type { DevicesBand } from '../../../batching/deploy/compare.js';
import { type Sized, UNPRICED } from '../../../batching/deploy/search.js';
import type { LoadWindow } from '../../../batching/deploy/windows.js';
import { groupBy } from '../../../core/maps.js';
import { formatValue } from '../../../core/metrics/format.js';
import { BAND_90 } from '../../../roofline/step/calls-time.js';
import { plainTable } from '../../output/plain-table.js';

const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
const figure = (value: number) => String(Number(value.toPrecision(3)));
export const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** `3 × h200 in fp8`. */
export function servedText({ devices, device, bits }: Sized): string {
  return `${devices} × ${device.id} ${bitsText(bits)}`;
}

export function bitsText(bits: string): string {
  if (bits === 'native') return 'as published';
  return bits.endsWith('kv8') ? `in ${bits.replace(/kv8$/, '')} with a cache in fp8` : `in ${bits}`;
}

/** `2 replicas of tensor 4`. */
function splitText({ attained, parallelism: { tensor, expert }, predicted }: Sized): string {
  const parts = [...(tensor > 1 ? [`tensor ${tensor}`] : []), ...(expert > 1 ? [`experts ${expert}`] : [])];
  const each = parts.length === 0 ? plural(predicted.devices, 'device') : parts.join(' × ');
  return `${plural(attained.replicas, 'replica')} of ${each}`;
}

/** `2 to 8`, `3` where both ends need as many, or `2 or more` where none was found for the slow end. */
export function bandText({ low, high }: DevicesBand): string {
  if (low === null) return 'more than were tried';
  if (high === null) return `${low} or more`;
  return low === high ? String(low) : `${low} to ${high}`;
}

/** `2 to 8 devices`. */
const devicesText = (band: DevicesBand): string =>
  `${bandText(band)} ${band.low === 1 && band.high === 1 ? 'device' : 'devices'}`;

/** Rounding does not make all of nearly all. */
const keptText = (share: number): string =>
  share === 1
    ? 'All requests keep each objective'
    : `${percent(Math.min(share, 0.999))} of requests or more keep each objective`;

/** The answer in sentences: what to rent, what comes second, and what would change that. */
export function answerSentences({ best, versus, engines, lines }: DeployAnswer): string[] {
  if (best === null) return [];
  const { attained, predicted, band } = best;
  return [
    `${servedText(best)}: ${splitText(best)}, with ${best.engine.engine.name}${engines.length > 1 ? `, first among ${engines.join(', ')}` : ''}. ${keptText(attained.share)}; at the ends of the band of its times (± ${Math.round(100 * (Math.exp(BAND_90 * predicted.spread) - 1))} %) it takes ${devicesText(band)}.`,
    band.high === null ? 'At the slow end no number of devices was found that keeps the SLO.' : '',
    ...costSentences(best),
    ...(versus === null
      ? [lines.length > 1 ? '' : 'Nothing else that was asked for keeps the SLO.']
      : versusSentences(best, versus)),
  ].filter((sentence) => sentence !== '');
}

function costSentences({ money, energy }: Deployed): string[] {
  const drawn =
    typeof energy === 'string'
      ? `Energy is not known: ${energy}.`
      : `It draws ${formatValue(energy.watts, 'W')}, ${figure(energy.perMillionTokens[1])} [${figure(energy.perMillionTokens[0])}, ${figure(energy.perMillionTokens[2])}] kWh for a million tokens of answers, boards alone${energy.widened === null ? '' : `; ${energy.widened}`}.`;
  const costs =
    typeof money === 'string'
      ? `No money is stated: ${money}.`
      : `It costs ${figure(money.perHour)} ${money.currency} an hour, ${figure(money.perMillionTokens)} for a million tokens of answers.`;
  return [costs, drawn];
}

function versusSentences(best: Deployed, { runnerUp, certain, speeds, priceRatio }: Versus): string[] {
  const { money } = runnerUp;
  const cost = typeof money === 'string' ? '' : `, ${figure(money.perHour)} ${money.currency} an hour`;
  const [first, second] = [servedText(best), servedText(runnerUp)];
  const flips = speeds.filter((one) => one.flips);
  const needs = (devices: number | null) => (devices === null ? 'more than is looked for' : String(devices));
  return [
    `The runner-up: ${second}, ${splitText(runnerUp)}${cost} (${devicesText(runnerUp.band)} in its band).`,
    certain
      ? `Within what predictions are off by, ${first} stays first.`
      : `It cannot be told which of ${first} and ${second} is better: within what predictions are off by, the order turns.`,
    `At ${speeds.map(({ speed, best: own, runnerUp: other }) => `${speed} times the load they need ${needs(own)} and ${needs(other)} devices`).join(', at ')}${flips.length === 0 ? ': the order stays' : `: the runner-up is first at ${flips.map(({ speed }) => `${speed} times`).join(' and ')}`}.`,
    ...(priceRatio === null
      ? []
      : [
          `The runner-up costs less where an hour of ${runnerUp.device.id} costs less than ${figure(priceRatio)} of one of ${best.device.id}.`,
        ]),
  ];
}

/** One line a device and format: what it takes, and how sure that is. */
export function linesTable({ lines, beaten }: DeployAnswer, currency: string | null): string {
  const name = ({ device, bits, engine }: Line) => [device.id, bits, engine.engine.id];
  const filler = Array.from({ length: currency === null ? 3 : 4 }, () => null);
  return plainTable(
    [
      'device',
      'in',
      'engine',
      'devices',
      'as',
      'keep',
      'times ±',
      ...(currency === null ? [] : [`${currency} an hour`]),
    ],
    [
      ...lines.map((one) => [
        ...name(one),
        one.devices,
        splitText(one),
        percent(one.attained.share),
        `${Math.round(100 * (Math.exp(BAND_90 * one.predicted.spread) - 1))} %`,
        ...(currency === null ? [] : [one.rank[0] === UNPRICED ? null : figure(one.rank[0])]),
      ]),
      ...beaten.map((one) => [...name(one), `${one.leastDevices} or more`, ...filler]),
    ],
  );
}

/** What each window of a trace needs. */
export function windowsTable(windows: readonly LoadWindow[], devicesEach: number): string {
  return plainTable(
    ['from', 'to', 'requests', 'replicas', 'devices'],
    windows.map(({ fromSeconds, toSeconds, requests, replicas }) => [
      formatValue(fromSeconds, 's'),
      formatValue(toSeconds, 's'),
      requests,
      replicas,
      replicas === null ? null : replicas * devicesEach,
    ]),
  );
}

/** @returns a sentence for each reason, with all that it holds for. */
export function leftOutSentences(leftOut: readonly LeftOut[]): string[] {
  const byReason = groupBy(leftOut, ({ device, reason }) => `${device.id}: ${reason}`);
  return [...byReason].map(
    ([, all]) => `${all[0]!.device.id} ${all.map(({ bits }) => bits).join(', ')}: ${all[0]!.reason}`,
  );
}

/** What answers hold for, and what they follow from: a sentence each. */
export function groundSentences(answer: DeployAnswer, load: string, slo: string): string[] {
  const { best, simulations, candidates } = answer;
  const shown = [best, answer.versus?.runnerUp ?? null].filter((one) => one !== null);
  const widened = new Set(shown.flatMap(({ predicted }) => predicted.widened));
  return [
    `SLO: ${slo}; load: ${load}`,
    ...shown.map(
      (one) => `${one.device.id} ${one.bits}: times by ${one.predicted.source}; ${one.predicted.says}`,
    ),
    ...[...widened].map((clause) => `the band is wider: ${clause}`),
    `${simulations} simulations of ${plural(candidates, 'candidate')} that fit; pipelines, and what formats do to answers, are not looked at`,
  ];
}
