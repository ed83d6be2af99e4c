import {
  energyDelayProduct,
  energyPerOutputToken,
  energyPerTotalToken,
  MEASURED,
  netEnergy,
  type Repeat,
  type RepeatPart,
  repeatSeconds,
} from '../metrics/derive.js';
import { addReadings, deviceKind, type EnergySource, energySources } from '../metrics/energy.js';
import { type Reading, SHORT_WINDOW_PERIODS } from '../metrics/integrate.js';
import { median } from '../statistics/quantile.js';
import { type Warning, warn } from '../warnings.js';
import { missing, perRepeat, single } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { UNASKED } from './unasked.js';

/** Counter and integral further apart than this share of the counter are worth a note. */
const DISAGREEMENT = 0.05;

/** Energy of one repeat by one source; a repeat without a phase has no energy in it. */
interface RepeatEnergy {
  readonly repeat: Repeat;
  readonly prefill: Reading | null;
  readonly decode: Reading | null;
  readonly whole: Reading;
}

function energyOf(source: EnergySource, repeat: Repeat): RepeatEnergy {
  const of = (part: RepeatPart | null) =>
    part === null ? null : addReadings(part.windows.map((w) => source.joules(w)));
  const [prefill, decode] = [of(repeat.prefill), of(repeat.decode)];
  const parts = [prefill, decode, of(repeat.train), of(repeat.kernel)];
  return { repeat, prefill, decode, whole: addReadings(parts.filter((r) => r !== null)) };
}

/**
 * Energy per repeat and phase, gross and net, with the ratios that rest on it. Per-repeat values, so that
 * energy has a spread like everything else; repeats whose window is not covered by readings are left out,
 * and n says so.
 */
export function energyFindings(evidence: Evidence): Findings {
  const { input, repeats } = evidence;
  const { primary, crossCheck } = energySources(evidence.all, input.experiment.device);
  if (primary === null) return withoutSource(evidence);

  const all = repeats.map((repeat) => energyOf(primary, repeat));
  const known = all.flatMap((e) => (e.whole.value === null ? [] : [{ ...e, joules: e.whole.value }]));
  const why = (pick: (e: RepeatEnergy) => Reading | null, none: string) => {
    const failed = all.map(pick).find((r) => r !== null && r.value === null);
    return failed?.value === null ? failed.reason : none;
  };
  const whole = why((e) => e.whole, 'nothing was measured');
  const values = (pick: (e: RepeatEnergy) => Reading | null) =>
    all.flatMap((e) => {
      const reading = pick(e);
      return reading === null || reading.value === null ? [] : [reading.value];
    });
  const prompt = (r: Repeat) => r.prefill?.tokens ?? 0;
  const output = (r: Repeat) => r.decode?.tokens ?? 0;
  const trained = (r: Repeat) => r.train?.tokens ?? 0;
  const writing = known.filter((e) => output(e.repeat) > 0);
  const idle = idleWatts(primary, input.idleWatts);
  const noIdle = 'no idle power was taken before the trial for this energy source';
  const noOutput = writing.length === 0 && known.length > 0 ? UNASKED.decode : whole;
  const label = primary.label;
  const cross = crossEntries(crossCheck, all);
  return {
    entries: {
      energyJoules: perRepeat(
        known.map((e) => e.joules),
        'J',
        whole,
        label,
      ),
      energyNetJoules: perRepeat(
        idle === null ? [] : known.map((e) => netEnergy(e.joules, idle, repeatSeconds(e.repeat))),
        'J',
        known.length === 0 ? whole : noIdle,
        label,
      ),
      prefillEnergyJoules: perRepeat(
        values((e) => e.prefill),
        'J',
        why((e) => e.prefill, UNASKED.prefill),
        label,
      ),
      decodeEnergyJoules: perRepeat(
        values((e) => e.decode),
        'J',
        why((e) => e.decode, UNASKED.decode),
        label,
      ),
      energyPerOutputTokenJoules: perRepeat(
        writing.map((e) => energyPerOutputToken(e.joules, output(e.repeat))),
        'J/token',
        noOutput,
        label,
      ),
      energyPerTotalTokenJoules: perRepeat(
        known.map((e) =>
          energyPerTotalToken(e.joules, prompt(e.repeat), output(e.repeat), trained(e.repeat)),
        ),
        'J/token',
        whole,
        label,
      ),
      energyPerCallJoules: perRepeat(
        known.flatMap(({ repeat, joules }) =>
          repeat.kernel === null ? [] : [joules / repeat.kernel.tokens],
        ),
        'J',
        input.kernel === null ? UNASKED.kernel : whole,
        label,
      ),
      tokensPerJoule: perRepeat(
        writing.map((e) => output(e.repeat) / e.joules),
        'tokens/J',
        noOutput,
        label,
      ),
      energyDelayProductJouleSeconds: perRepeat(
        known.map((e) => energyDelayProduct(e.joules, repeatSeconds(e.repeat))),
        'J*s',
        whole,
        label,
      ),
      averagePowerWatts: perRepeat(
        known.map((e) => e.joules / repeatSeconds(e.repeat)),
        'W',
        whole,
        label,
      ),
      idlePowerWatts: single(idle, 'W', noIdle, label),
      ...cross.entries,
    },
    warnings: [...windowDoubts(primary, repeats), ...cross.warnings],
    gaps: gapsOf(primary, all),
  };
}

const ENERGY_METRICS = [
  ['energyJoules', 'J'],
  ['energyNetJoules', 'J'],
  ['prefillEnergyJoules', 'J'],
  ['decodeEnergyJoules', 'J'],
  ['energyPerCallJoules', 'J'],
  ['energyPerOutputTokenJoules', 'J/token'],
  ['energyPerTotalTokenJoules', 'J/token'],
  ['tokensPerJoule', 'tokens/J'],
  ['energyDelayProductJouleSeconds', 'J*s'],
  ['averagePowerWatts', 'W'],
  ['idlePowerWatts', 'W'],
  ['energyIntegralJoules', 'J'],
  ['energyIntegralDifferenceRatio', 'ratio'],
] as const;

function withoutSource({ input }: Evidence): Findings {
  const kind = deviceKind(input.experiment.device);
  const reason =
    input.absent.energy ??
    (input.experiment.measure.meters === 'off'
      ? 'the meters were off'
      : `no energy source of the ${kind} device was sampled`);
  return {
    entries: Object.fromEntries(ENERGY_METRICS.map(([name, unit]) => [name, missing(unit, reason)])),
    warnings: [],
  };
}

/** Idle power of the very domains the source adds up; null as soon as one is unknown. */
function idleWatts(source: EnergySource, watts: Readonly<Record<string, number>>): number | null {
  const parts = source.domains.map((domain) => watts[domain]);
  return parts.every((w) => w !== undefined) ? parts.reduce((sum, w) => sum + w, 0) : null;
}

/** The integral of power beside the counter, over the repeats where both are known. */
function crossEntries(crossCheck: EnergySource | null, all: readonly RepeatEnergy[]): Findings {
  const none = 'only one of energy counter and power readings exists for this device';
  if (crossCheck === null) {
    return {
      entries: {
        energyIntegralJoules: missing('J', none),
        energyIntegralDifferenceRatio: missing('ratio', none),
      },
      warnings: [],
    };
  }
  const pairs = all.flatMap((e) => {
    const integral = energyOf(crossCheck, e.repeat).whole;
    return e.whole.value === null || integral.value === null
      ? []
      : [{ counter: e.whole.value, integral: integral.value }];
  });
  const sum = (pick: (p: (typeof pairs)[number]) => number) => pairs.reduce((s, p) => s + pick(p), 0);
  const ratio = pairs.length === 0 ? null : sum((p) => p.integral) / sum((p) => p.counter) - 1;
  const noPairs = 'no repeat is covered by both the counter and the power readings';
  const warnings =
    ratio !== null && Math.abs(ratio) > DISAGREEMENT
      ? [
          warn(
            'counter-integral-disagree',
            `the integral of power is ${(ratio * 100).toFixed(1)} % off the energy counter (${sum((p) => p.integral).toFixed(2)} J against ${sum((p) => p.counter).toFixed(2)} J)`,
          ),
        ]
      : [];
  return {
    entries: {
      energyIntegralJoules: perRepeat(
        pairs.map((p) => p.integral),
        'J',
        noPairs,
        crossCheck.label,
      ),
      energyIntegralDifferenceRatio: single(ratio, 'ratio', noPairs),
    },
    warnings,
  };
}

/**
 * Rule: a phase is long enough when its typical window lasts 20 update periods. When only all repeats
 * together do, the energy of whole repeats still averages out, but its split between prefill and decode is
 * blurred, since an update that spans both is shared evenly.
 */
function windowDoubts(source: EnergySource, repeats: readonly Repeat[]): Warning[] {
  const needed = SHORT_WINDOW_PERIODS * source.periodSeconds * (1 - 1e-9);
  return MEASURED.flatMap((name) => {
    const windows = repeats.flatMap((r) => r[name]?.windows ?? []).map((w) => w.endSeconds - w.startSeconds);
    const typical = median(windows);
    if (windows.length === 0 || typical >= needed) return [];
    const total = windows.reduce((sum, seconds) => sum + seconds, 0);
    const limit = `20 update periods of ${source.label} (${(SHORT_WINDOW_PERIODS * source.periodSeconds).toPrecision(2)} s)`;
    const consequence =
      total >= needed
        ? `all repeats together last ${total.toPrecision(3)} s, so totals hold but the split between phases is blurred`
        : `all repeats together last only ${total.toPrecision(3)} s: its energy is uncertain`;
    return [
      warn(
        'window-too-short',
        `${name} lasts ${typical.toPrecision(3)} s, less than ${limit}; ${consequence}`,
      ),
    ];
  });
}

function gapsOf(source: EnergySource, all: readonly RepeatEnergy[]): Map<string, number> {
  const found = all.flatMap(({ whole }) =>
    whole.value === null || whole.gapSeconds === null ? [] : [whole.gapSeconds],
  );
  return new Map(found.length === 0 ? [] : [[source.label, Math.max(...found)]]);
}
