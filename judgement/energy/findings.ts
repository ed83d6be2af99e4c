import { deviceKind } from '../../core/experiment/experiment.js';
import { metricsOf } from '../../core/metrics/catalogue.js';
import {
  carbonGrams,
  energyDelayProduct,
  energyPerOutputToken,
  energyPerTotalToken,
  netEnergy,
} from '../../core/metrics/derive.js';
import { type EnergySource, energySources } from '../../core/metrics/energy.js';
import type { Reading } from '../../core/metrics/integrate.js';
import type { TrialFacts } from '../../core/result/result.js';
import { type Warning, warn } from '../../core/result/warnings.js';
import { allMissing, perRepeat, single } from '../entries.js';
import type { Evidence, Findings } from '../evidence.js';
import { NOT_APPLICABLE } from '../not-applicable.js';
import { crossCheckFindings } from './cross-check.js';
import { joulesOf, type Observation, type Observed, planObservations, planParts } from './observations.js';
import { servedParts } from './served-parts.js';
import { lostWarnings, repairWarnings, resetWarnings, windowWarnings } from './warnings.js';

/** An observation that has an energy. */
interface Known extends Observation {
  readonly joules: number;
}

interface Measured {
  readonly known: readonly Known[];
  readonly readings: readonly Reading[];
  readonly label: string;
  /** Why there is none, when there is none. */
  readonly why: string;
}

/**
 * Energy per repeat and phase, gross and net, with the ratios that are computed from it. There is one value
 * for each observation (see observations.ts), so that energy has a spread like everything else. Windows that
 * the readings do not cover are left out: `n` says how many are left, and a code says why.
 */
export function energyFindings(evidence: Evidence): Findings {
  const { input, repeats } = evidence;
  const { primary, crossCheck, warning } = energySources(evidence.all, input.experiment.device);
  const odd = [
    ...(warning === null ? [] : [warn(warning.code, warning.message)]),
    ...repairWarnings(input.samples),
  ];
  const elsewhere = energyElsewhere(evidence);
  if (elsewhere !== null) return withoutSource(evidence, elsewhere.message, [elsewhere, ...odd]);
  if (primary === null) return withoutSource(evidence, warning?.message ?? null, odd);

  const apart = servedParts(input);
  const within =
    apart === null || typeof apart === 'string' ? [] : [...planParts(apart, primary.periodSeconds)];
  // If the work of a server cannot be split for this source, that is no fault of the row; the entries say
  // why.
  const resolved = within.filter(([, { how }]) => how !== 'unresolved');
  const planned = planObservations(input.phases, repeats, primary.periodSeconds);
  const plan = { ...planned, parts: new Map([...planned.parts, ...within]) };
  const whole = measure(plan.whole, primary);
  const parts = new Map(
    [...plan.parts].map(([name, part]) => [name, part === plan.whole ? whole : measure(part, primary)]),
  );
  const partOf = (name: 'prefill' | 'decode' | 'kernel' | 'infer') => parts.get(name) ?? null;
  const paired = plan.whole.observations.map((observation, i) => {
    return { observation, reading: whole.readings[i]! };
  });
  const cross = crossCheckFindings(crossCheck, paired);
  const split = [...parts].filter(([, part]) => part !== whole);
  const observed = [['repeat', whole] as const, ...split].map(
    ([name, { readings }]) => [name, readings] as const,
  );
  const lost = lostWarnings(observed);
  const warnings: Warning[] = [
    ...windowWarnings(primary, { ...plan, parts: new Map([...planned.parts, ...resolved]) }),
    ...lost,
    ...resetWarnings(primary).filter(({ code }) => lost.every((one) => one.code !== code)),
    ...cross.warnings,
    ...odd,
  ];
  return {
    entries: {
      ...wholeEntries(whole, evidence, primary),
      ...partEntries(partOf('prefill'), partOf('decode'), primary, typeof apart === 'string' ? apart : null),
      energyPerCallJoules: perRepeat(
        (partOf('kernel')?.known ?? []).map(({ joules, tokens }) => joules / tokens.kernel),
        input.kernel === null ? NOT_APPLICABLE.kernel : whole.why,
        primary.label,
      ),
      energyPerItemJoules: perRepeat(
        (partOf('infer')?.known ?? []).map(({ joules, tokens }) => joules / tokens.infer),
        input.inference === undefined ? NOT_APPLICABLE.inference : whole.why,
        primary.label,
      ),
      energyPerApplicationJoules: perRepeat(
        input.graph === undefined
          ? []
          : whole.known.flatMap(({ joules }) => perApplication(joules, input) ?? []),
        input.graph === undefined ? NOT_APPLICABLE.graph : whole.why,
        primary.label,
      ),
      ...cross.entries,
    },
    warnings,
    gaps: gapsOf(
      primary,
      observed.flatMap(([, readings]) => readings),
    ),
  };
}

/** Energy of one application, of those that ran from start to end in the measured sitting. */
function perApplication(joules: number, { graph }: TrialFacts): number | null {
  const ended =
    graph?.applications.filter((one) => one.outcome === 'complete' && one.sitting === graph.sitting) ?? [];
  return ended.length === 0 ? null : joules / ended.length;
}

function measure(observed: Observed, source: EnergySource): Measured {
  const readings = observed.observations.map((observation) => joulesOf(observation, source));
  const known = observed.observations.flatMap((observation, i) => {
    const joules = readings[i]?.value ?? null;
    return joules === null ? [] : [{ ...observation, joules }];
  });
  const label =
    observed.how === 'lengthened' || observed.how === 'joined'
      ? `${source.label}:${observed.how}`
      : source.label;
  const lost = readings.find((reading) => reading.value === null);
  const short = `it is shorter than two update periods of ${source.label}`;
  const otherwise =
    observed.how === 'unresolved' && observed.totalSeconds > 0 ? short : 'nothing was measured';
  return { known, readings, label, why: lost?.value === null ? lost.reason : otherwise };
}

function wholeEntries({ known, label, why }: Measured, { input }: Evidence, source: EnergySource) {
  const idle = idleWatts(source, input.given.idleWatts);
  const noIdle = known.length === 0 ? why : 'no idle power was taken before the trial for this energy source';
  const written = ({ tokens }: Known) => tokens.decode + tokens.serve;
  const writing = known.filter((one) => written(one) > 0);
  const noOutput = writing.length === 0 && known.length > 0 ? NOT_APPLICABLE.decode : why;
  const net = (one: Known) => netEnergy(one.joules, idle ?? 0, one.seconds);
  const grid = input.given.grid?.gramsPerKilowattHour ?? null;
  const noGrid = known.length === 0 ? why : NOT_APPLICABLE.grid;
  const prompts = servedPromptTokens(input);
  const accepted = acceptedDraftTokens(input);
  const readTokens = ({ tokens }: Known) => tokens.prefill + (tokens.serve > 0 ? prompts : 0);
  const total = (one: Known) => readTokens(one) + written(one) + one.tokens.train;
  const perRepeatEntry = (values: readonly number[], reason = why) => perRepeat(values, reason, label);
  return {
    energyJoules: perRepeatEntry(known.map(({ joules }) => joules)),
    energyNetJoules: perRepeatEntry(idle === null ? [] : known.map(net), noIdle),
    energyPerOutputTokenJoules: perRepeatEntry(
      writing.map((one) => energyPerOutputToken(one.joules, written(one))),
      noOutput,
    ),
    energyNetPerOutputTokenJoules: perRepeatEntry(
      idle === null ? [] : writing.map((one) => energyPerOutputToken(net(one), written(one))),
      idle === null ? noIdle : noOutput,
    ),
    energyPerTotalTokenJoules: perRepeatEntry(
      known.flatMap((one) =>
        total(one) === 0
          ? []
          : [energyPerTotalToken(one.joules, readTokens(one), written(one), one.tokens.train)],
      ),
      known.length === 0 ? why : 'no tokens were evaluated',
    ),
    tokensPerJoule: perRepeatEntry(
      writing.map((one) => written(one) / one.joules),
      noOutput,
    ),
    totalTokensPerJoule: perRepeatEntry(
      known.flatMap((one) => (total(one) === 0 ? [] : [total(one) / one.joules])),
      known.length === 0 ? why : 'no tokens were evaluated',
    ),
    energyDelayProductJouleSeconds: perRepeatEntry(
      known.map(({ joules, seconds }) => energyDelayProduct(joules, seconds)),
    ),
    energyPerAcceptedDraftTokenJoules: perRepeatEntry(
      accepted === null || accepted === 0
        ? []
        : known.flatMap((one) => (accepted > written(one) ? [] : [one.joules / accepted])),
      input.serving === undefined && accepted === null
        ? NOT_APPLICABLE.drafts
        : known.length === 0
          ? why
          : accepted !== null && accepted > 0
            ? 'the server counts more accepted tokens than it gave here'
            : 'no drafted token was accepted',
    ),
    averagePowerWatts: perRepeatEntry(known.map(({ joules, seconds }) => joules / seconds)),
    carbonGrams: perRepeatEntry(
      grid === null ? [] : known.map(({ joules }) => carbonGrams(joules, grid)),
      noGrid,
    ),
    carbonPerOutputTokenGrams: perRepeatEntry(
      grid === null ? [] : writing.map((one) => carbonGrams(one.joules, grid) / written(one)),
      grid === null ? noGrid : noOutput,
    ),
    idlePowerWatts: single(idle, noIdle, source.label),
  };
}

/** @returns drafted tokens that were accepted in a repeat; null = nobody counted them. */
function acceptedDraftTokens({ serving, generation }: TrialFacts): number | null {
  const said = serving?.inside.acceptedDraftTokens;
  if (said !== undefined) return 'growth' in said ? said.growth : null;
  // Every repeat gives the same answers.
  const repeat = generation?.repeats[0];
  if (repeat === undefined || repeat.drafted.length === 0) return null;
  return repeat.accepted.reduce((sum, tokens) => sum + tokens, 0);
}

/** @returns the tokens of all prompts that a server received; the phase itself counts only output tokens. */
function servedPromptTokens({ serving }: TrialFacts): number {
  return (serving?.requests.promptTokens ?? []).reduce<number>((sum, tokens) => sum + (tokens ?? 0), 0);
}

/** @param mixed why a server's energy has no parts; null = it has parts, or no server was used. */
function partEntries(
  prefill: Measured | null,
  decode: Measured | null,
  source: EnergySource,
  mixed: string | null,
) {
  const joules = (part: Measured | null, unasked: string) =>
    perRepeat(
      (part?.known ?? []).map((one) => one.joules),
      part?.why ?? unasked,
      part?.label ?? source.label,
    );
  const perToken = (part: Measured | null, name: 'prefill' | 'decode') =>
    perRepeat(
      (part?.known ?? []).map((one) => one.joules / one.tokens[name]),
      part?.why ?? mixed ?? NOT_APPLICABLE[name],
      part?.label ?? source.label,
    );
  return {
    prefillEnergyJoules: joules(prefill, mixed ?? NOT_APPLICABLE.prefill),
    decodeEnergyJoules: joules(decode, mixed ?? NOT_APPLICABLE.decode),
    prefillEnergyPerTokenJoules: perToken(prefill, 'prefill'),
    decodeEnergyPerTokenJoules: perToken(decode, 'decode'),
  };
}

function withoutSource({ input }: Evidence, odd: string | null, warnings: readonly Warning[]): Findings {
  const kind = deviceKind(input.experiment.device);
  const reason =
    odd ??
    input.absent.energy ??
    (input.experiment.measure.meters === 'off'
      ? 'the meters were off'
      : `no energy source of the ${kind} device was sampled`);
  return { entries: allMissing(metricsOf('energy'), reason), warnings };
}

/** Idle power of the same domains that the source adds up; null if one of them is unknown. */
function idleWatts(source: EnergySource, watts: Readonly<Record<string, number>>): number | null {
  const parts = source.domains.map((domain) => watts[domain]);
  return parts.every((w) => w !== undefined) ? parts.reduce((sum, w) => sum + w, 0) : null;
}

function gapsOf(source: EnergySource, readings: readonly Reading[]): Map<string, number> {
  const found = readings.flatMap((reading) =>
    reading.value === null || reading.gapSeconds === null ? [] : [reading.gapSeconds],
  );
  return new Map(found.length === 0 ? [] : [[source.label, Math.max(...found)]]);
}

/** A warning if the trial also computed on another GPU, whose energy was not read; null otherwise. */
function energyElsewhere({ series }: Evidence): Warning | null {
  const gpus = series.get('otherDevicesUsed')?.values.reduce((max, count) => Math.max(max, count), 0) ?? 0;
  if (gpus === 0) return null;
  const others = gpus === 1 ? 'another GPU' : `${gpus} other GPUs`;
  return warn(
    'energy-elsewhere',
    `the trial's processes also computed on ${others}, whose energy was not read`,
  );
}
