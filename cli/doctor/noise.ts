import { NodeStores } from '../../agent/door/node.js';
import { openNoise } from '../../agent/door/trials.js';
import { probeRunner } from '../../agent/probe.js';
import { DISTURBANCE_LIMITS, type Experiment } from '../../core/experiment/experiment.js';
import type { MetricName } from '../../core/metrics/catalogue.js';
import { formatPercent, formatValue, NO_VALUE } from '../../core/metrics/format.js';
import { gradingCodesOf } from '../../core/result/warnings.js';
import { defaultRunnerFor } from '../../core/runners/index.js';
import { experimentAt } from '../../core/sweep/expand.js';
import { planSpace } from '../../core/sweep/space.js';
import { leastCoreShare } from '../../judgement/disturbance.js';
import { type MetricNoise, type Noise, noiseOf } from '../../judgement/noise.js';
import type { Component } from '../../statistics/nested.js';
import { workError } from '../exit.js';
import { agentConfig } from '../node-config.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import { runCommand } from '../single/run-command.js';
import { interruptible } from '../single/step-progress.js';
import { madeSweep } from '../sweep-file.js';
import type { DoctorOptions } from './command.js';
import { type HostState, hostLines, hostStates } from './host.js';
import { settableHere } from './power.js';

const DEFAULT_SECONDS = 60;
/** Repeats of each start, the same in all: levels of spread are compared then, and not lengths. */
const REPEATS = 5;

/**
 * `ridge doctor --noise`: measures how much the same thing differs on this machine, says what that leaves to
 * be seen, and keeps it for plans.
 */
export async function noise({ seconds = DEFAULT_SECONDS, ...options }: DoctorOptions): Promise<void> {
  const config = agentConfig(options.config);
  const opened = await openNoise(config);
  if (opened === null) throw workError('this node has no CPU device', 'Correct cpuGroups in its config.');
  const { device } = opened;
  await runCommand(async () => {
    const { experiment, what } = await shortExperiment(seconds);
    const records = await interruptible('measuring noise, seconds', (progress, signal) => {
      const onProgress = (done: number) => progress.step(Math.min(seconds, Math.round(done)), seconds);
      onProgress(0);
      return opened.measure({ experiment, seconds, onProgress, signal });
    });
    const found = { ...noiseOf(records.blocks), ...foreignLoad(records) };
    const host = hostStates([device], (await settableHere([device])) ?? {});
    if (options.json === true) printJson({ device: device.id, experiment, noise: found, host });
    else printData(describe(`${device.id}: ${what}`, found, host));
    await new NodeStores(config.roofsFolder).noise
      .put(device.id, what, found)
      .catch((error: Error) => say(`not kept for \`ridge plan\`: ${error.message}`));
  });
}

/**
 * A prompt and an answer of the small model that ships with the package; without an engine for it, an op of
 * our own kernels.
 */
async function shortExperiment(
  seconds: number,
): Promise<{ readonly experiment: Experiment; readonly what: string }> {
  const [engine, kernels] = [defaultRunnerFor('generator'), defaultRunnerFor('op')];
  // Where others take the CPUs, a repeat takes many times as long: starts end early then, so that there are
  // enough of them.
  const measure = { minRepeats: REPEATS, maxRepeats: REPEATS, maxWarmups: 3, maxSeconds: seconds / 12 };
  const reasons: string[] = [];
  for (const [kind, workloads, what] of [
    [engine, { kind: 'latency', promptTokens: 64, generateTokens: 64 }, 'the small model that ships'],
    [kernels, { kind: 'kernel', op: 'gemv' }, 'a matrix times a vector'],
  ] as const) {
    const probe = await probeRunner(kind);
    if (probe.available) {
      const spec = { models: 'builtin:small', runners: { kind }, workloads, measure };
      const { sweep } = madeSweep('noise', spec, 'Report this: the sweep of the noise measurement is wrong.');
      return { experiment: experimentAt(planSpace(sweep), 0), what: `${what}, on ${kind}` };
    }
    reasons.push(`${kind}: ${probe.reason}`);
  }
  throw workError(
    `nothing here can be measured (${reasons.join('; ')})`,
    'Run `ridge doctor`: it says what is missing and how to get it.',
  );
}

type NoiseRecords = Awaited<ReturnType<NonNullable<Awaited<ReturnType<typeof openNoise>>>['measure']>>;

/** What happened besides; null where the system does not say. */
interface Meanwhile {
  readonly seconds: number;
  readonly secondsPerStart: number;
  /** By processes other than the measurement's, over all of it. */
  readonly foreignCores: number | null;
  /** Share of the CPU time that the hypervisor took. */
  readonly stealRatio: number | null;
  /** The least share of its core that a CPU of any start had: of others on the same core no counter tells. */
  readonly leastCoreShareRatio: number | null;
  /** The most that the core-to-core latency of a start was of what is usual here. */
  readonly mostCoreLatencyRatio: number | null;
  /** Starts that a sweep would have called invalid. */
  readonly disturbedStarts: number;
}

function foreignLoad({ blocks, seconds, use }: NoiseRecords): Meanwhile {
  const starts = blocks.flat();
  const valuesOf = (name: MetricName) =>
    starts.flatMap(({ measurements }) => measurements[name]?.value ?? []);
  const [shares, latencies] = [valuesOf('coreShareRatio'), valuesOf('coreLatencyRatio')];
  const { foreignCores = null, stealCores = null, totalCores = null } = use ?? {};
  return {
    seconds,
    secondsPerStart: seconds / starts.length,
    foreignCores: foreignCores === null ? null : Math.max(0, foreignCores),
    stealRatio: stealCores === null || !totalCores ? null : stealCores / totalCores,
    leastCoreShareRatio: shares.length === 0 ? null : Math.min(...shares),
    mostCoreLatencyRatio: latencies.length === 0 ? null : Math.max(...latencies),
    disturbedStarts: starts.filter(({ warnings }) => gradingCodesOf(warnings).length > 0).length,
  };
}

function describe(title: string, found: Noise & Meanwhile, host: readonly HostState[]): string {
  const { starts, blocks, repeats, seconds, secondsPerStart, spreadError } = found;
  const asked = found.metrics[0]?.detectable ?? [];
  return [
    `${title}, ${starts} starts in ${blocks} blocks, ${repeats} repeats each, ${seconds.toFixed(0)} s`,
    '',
    plainTable(
      ['spread (sd)', 'of repeats', 'of starts', 'of blocks'],
      found.metrics.map(({ metric, components: { within, betweenStarts, betweenBlocks } }) => [
        metric,
        spreadText(within),
        spreadText(betweenStarts),
        spreadText(betweenBlocks),
      ]),
    ),
    '',
    plainTable(
      ['a difference that can be seen', ...asked.map((one) => `${one.starts} starts`)],
      found.metrics.map(({ metric, detectable }) => [
        metric,
        ...detectable.map(({ difference }) => formatPercent(difference.value)),
      ]),
    ),
    '',
    ...found.metrics.map((one) => wantedText(one, secondsPerStart)),
    `Spread between starts is itself known to about ± ${(100 * spreadError).toFixed(0)} %; a longer look (--seconds) knows it better.`,
    meanwhileText(found),
    ...host.flatMap(hostLines),
  ].join('\n');
}

const spreadText = ({ sd }: Component) => (sd === null ? NO_VALUE : formatPercent(sd));

function wantedText(
  { metric, wanted: { difference, starts } }: MetricNoise,
  secondsPerStart: number,
): string {
  const percent = `${(100 * difference).toFixed(0)} %`;
  if (starts.value === null) return `${metric}: ${percent} would take ${starts.reason}`;
  const minutes = (starts.value * secondsPerStart) / 60;
  const time = minutes < 1 ? 'less than a minute' : `about ${minutes.toFixed(0)} minutes`;
  return `${metric}: ${percent} would take ${starts.value} starts of each row (${time} a row, if a start takes ${formatValue(secondsPerStart, 's')} as here)`;
}

function meanwhileText(found: Noise & Meanwhile): string {
  const { foreignCores, stealRatio, leastCoreShareRatio, mostCoreLatencyRatio, disturbedStarts, starts } =
    found;
  const foreign =
    foreignCores === null
      ? 'how much other processes used the CPU is not known'
      : `other processes used ${foreignCores.toFixed(2)} cores (a trial is clean up to ${DISTURBANCE_LIMITS.maxForeignCores})`;
  const steal =
    stealRatio === null
      ? 'what a hypervisor took is not known'
      : `a hypervisor took ${formatPercent(stealRatio)} of the CPU time (up to ${formatPercent(DISTURBANCE_LIMITS.maxStealRatio)})`;
  const shared =
    leastCoreShareRatio === null
      ? 'whether others were on the same physical cores is not known'
      : `a CPU of each start had at least ${formatPercent(leastCoreShareRatio)} of its physical core (from ${formatPercent(leastCoreShare(DISTURBANCE_LIMITS))} on)`;
  const distance =
    mostCoreLatencyRatio === null
      ? []
      : [
          `core-to-core latency was at most ${mostCoreLatencyRatio.toFixed(1)} times the usual (up to ${DISTURBANCE_LIMITS.maxCoreLatencyRatio})`,
        ];
  const disturbed = disturbedStarts === 0 ? 'no start' : `${disturbedStarts} of ${starts} starts`;
  const busy = (foreignCores ?? 0) > DISTURBANCE_LIMITS.maxForeignCores;
  const apart = (leastCoreShareRatio ?? 1) < leastCoreShare(DISTURBANCE_LIMITS);
  const moved = (mostCoreLatencyRatio ?? 1) > DISTURBANCE_LIMITS.maxCoreLatencyRatio;
  const advice = busy
    ? ' Most of the spread may be theirs: stop them, and look again.'
    : apart
      ? ' Most of the spread may be that of other guests on the same host: rows beside them are marked.'
      : moved
        ? ' Most of the spread may come from where the host puts the CPUs of this machine: ask for pinned ones; rows that were moved are marked.'
        : '';
  return `Meanwhile ${foreign}; ${[steal, shared, ...distance].join('; ')}; ${disturbed} would be marked as disturbed.${advice}`;
}
