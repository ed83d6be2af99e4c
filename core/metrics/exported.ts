/**
 * What coordinator and agents export to Prometheus beside the measurements of results (catalogue.ts): each metric
 * once, with its labels; those of meters' readings follow from the quantities (meters.ts). Exporters, rules, dashboards and docs/metrics.md read these lists.
 */

import {
  ENERGY_QUANTITIES,
  familyOf,
  isEnergyQuantity,
  QUANTITIES,
  type ReadingFamilyName,
} from './meters.js';

export type ExportedKind = 'gauge' | 'counter' | 'histogram' | 'info';

export interface ExportedMetric {
  /** Whole name in Prometheus: base unit as suffix, `_total` on counters, `_info` on what is always 1. */
  readonly name: string;
  readonly kind: ExportedKind;
  readonly labels: readonly string[];
  readonly help: string;
}

const exported = <const Name extends string>(
  name: Name,
  kind: ExportedKind,
  labels: readonly string[],
  help: string,
) => ({ name: `ridgepoint_${name}` as const, kind, labels, help }) satisfies ExportedMetric;

/** Labels of every series that belongs to one result; the id is what bounds them, see ResultWindow. */
export const RESULT_LABELS = [
  'experiment',
  'sweep',
  'model',
  'quantization',
  'runner',
  'device',
  'node',
] as const;

/** Labels of histograms, which stay for as long as a coordinator lives: no experiment, no sweep. */
const LATENCY_LABELS = ['model', 'quantization', 'runner', 'device', 'node'] as const;

/**
 * States of a sweep's points. `queued` and `running` are open; what waits of a paused sweep is `paused`, of a cancelled one
 * `cancelled`.
 */
export const POINT_STATES = [
  'queued',
  'paused',
  'running',
  'complete',
  'failed',
  'invalid',
  'cancelled',
] as const;

/** Labels of a ceiling that results stand under. */
export const ROOF_LABELS = ['node', 'device', 'level', 'arithmetic', 'threads', 'origin'] as const;

/** Of the coordinator. `node` is the name of an agent's node. */
export const COORDINATOR_METRICS = [
  exported('build_info', 'info', ['version'], 'The release of this coordinator; always 1.'),
  exported(
    'leader',
    'gauge',
    [],
    '1 while this coordinator leases work: it is not stopping, and the log took what it last wrote. 0 when another one writes.',
  ),
  exported('log_entries', 'gauge', [], 'Entries of the log that this coordinator has read or written.'),
  exported(
    'log_writable',
    'gauge',
    [],
    '1 while the log takes what is written; 0 from an append that it refuses until one of that size goes through again.',
  ),
  exported(
    'log_append_failures_total',
    'counter',
    [],
    'Appends that the log refused since this coordinator started; callers got an error.',
  ),
  exported(
    'log_append_duration_seconds',
    'histogram',
    [],
    'Time until the log had taken facts durably; nothing is acknowledged before.',
  ),
  exported(
    'sweep_points',
    'gauge',
    ['sweep', 'state'],
    'Points of a sweep by where they stand: queued, paused, running, complete, failed, invalid or cancelled.',
  ),
  exported(
    'sweep_graded_points',
    'gauge',
    ['sweep', 'grade'],
    'Points of a sweep that were measured by grade: clean, disturbed (it counts, and is complete) or invalid.',
  ),
  exported(
    'sweep_disturbed_points',
    'gauge',
    ['sweep', 'code'],
    'Points of a sweep that something disturbed, by the code of the warning; a point with two warnings counts under both.',
  ),
  exported(
    'sweep_invalid_points',
    'gauge',
    ['sweep', 'code'],
    'Points of a sweep whose result is invalid, by the code of the warning; a point with two warnings counts under both.',
  ),
  exported(
    'sweep_failed_points',
    'gauge',
    ['sweep', 'code'],
    'Points of a sweep that were given up, by failure code; unplaced where no trial was ever recorded.',
  ),
  exported(
    'sweep_reused_points',
    'gauge',
    ['sweep'],
    'Complete points of a sweep whose result was taken over from an earlier one.',
  ),
  exported(
    'sweep_impossible_points',
    'gauge',
    ['sweep'],
    'Points left out because they cannot run anywhere.',
  ),
  exported(
    'sweep_trial_seconds',
    'gauge',
    ['sweep'],
    'Median time of the newest finished trials of a sweep; absent before the first.',
  ),
  exported('node_up', 'gauge', ['node'], 'Whether the agent of a node is connected: 1 or 0.'),
  exported(
    'node_devices',
    'gauge',
    ['node', 'state'],
    'Devices of a connected node: busy with a trial, waiting for work that is not there, or idle between the two.',
  ),
  exported(
    'leases',
    'gauge',
    ['node', 'purpose'],
    'Leases held now: to measure a point, or for drift control.',
  ),
  exported(
    'leases_granted_total',
    'counter',
    ['purpose'],
    'Leases granted since this coordinator started: to measure a point, or for drift control.',
  ),
  exported(
    'leases_lost_total',
    'counter',
    [],
    'Leases that ended without a record since this coordinator started: the node went silent or gave them back.',
  ),
  exported(
    'trials_total',
    'counter',
    ['state'],
    'Trials recorded since this coordinator started, by how they ended.',
  ),
  exported(
    'disturbed_total',
    'counter',
    ['code'],
    'What disturbed trials that count since this coordinator started, by code.',
  ),
  exported(
    'invalid_total',
    'counter',
    ['code'],
    'Warnings that made a trial invalid since this coordinator started, by code.',
  ),
  exported(
    'warnings_total',
    'counter',
    ['code', 'severity', 'node'],
    'Trials that carry a warning since this coordinator started, by code, severity (note, disturbed or invalid) and node.',
  ),
  exported(
    'failures_total',
    'counter',
    ['code'],
    'Failed trials since this coordinator started, by failure code.',
  ),
  exported(
    'inter_token_latency_seconds',
    'histogram',
    LATENCY_LABELS,
    'Gaps between tokens, every decode step of every valid trial.',
  ),
  exported(
    'first_token_latency_seconds',
    'histogram',
    LATENCY_LABELS,
    'Time to first token, every repeat of every valid trial.',
  ),
  exported('trial_duration_seconds', 'histogram', LATENCY_LABELS, 'Wall time of a trial, loading included.'),
  exported(
    'experiment_info',
    'info',
    ['experiment', '(axes)'],
    'Every axis of the experiments that are exported now; join on (experiment). Always 1.',
  ),
  exported(
    'result_timestamp_seconds',
    'gauge',
    RESULT_LABELS,
    'When the exported result of an experiment ended, in seconds since 1970.',
  ),
  exported(
    'sweep_best_info',
    'info',
    ['sweep', 'objective', 'experiment', 'node', 'device'],
    'Which exported result is the best of its sweep by an objective; join on (experiment, node, device). Always 1.',
  ),
  exported(
    'result_interval',
    'gauge',
    [...RESULT_LABELS, 'metric', 'end'],
    'Ends (low, high) of the 95 % interval of each metric that tables show, in its unit: of starts; of the text for quality, of the node for predictions.',
  ),
  exported(
    'result_adjusted_ratio',
    'gauge',
    [...RESULT_LABELS, 'metric'],
    'What the number of a metric that tables show was multiplied by for what was read of neighbours beside its starts, to be that of the undisturbed machine; none where nothing was read.',
  ),
  exported('result_starts', 'gauge', RESULT_LABELS, 'Starts (processes) that a result is made of.'),
  exported(
    'result_disturbed',
    'gauge',
    RESULT_LABELS,
    'Whether the machine was not the result’s alone, by a warning of any of its starts: 1 or 0.',
  ),
  exported(
    'result_on_front',
    'gauge',
    RESULT_LABELS,
    "Whether no exported result of the sweep beats this one in the sweep's objectives: 1 or 0.",
  ),
  exported(
    'phase_flops_per_second',
    'gauge',
    [...RESULT_LABELS, 'phase'],
    'FLOPs that the model asks of a phase over the time it took.',
  ),
  exported(
    'phase_flops_per_byte',
    'gauge',
    [...RESULT_LABELS, 'phase'],
    'Arithmetic intensity of a phase: FLOPs over the bytes of weights and cache that it reads.',
  ),
  exported(
    'phase_roof_ratio',
    'gauge',
    [...RESULT_LABELS, 'phase', 'bound'],
    'Least time that the roofs allow for a phase over the time it took, with what binds: memory or compute.',
  ),
  exported(
    'roof_flops_per_second',
    'gauge',
    ROOF_LABELS,
    'Peak of the arithmetic that exported results stand under, at their threads; measured on the node or published by the maker.',
  ),
  exported(
    'roof_bytes_per_second',
    'gauge',
    ROOF_LABELS,
    'Bandwidth under the same roof, of memory, or of the last cache where what is read fits there.',
  ),
] as const;

const DEVICE = ['node', 'device'];

/** The families that show these quantities of the node or of a device, each once: several quantities may share one. */
function readings(
  quantities: typeof ENERGY_QUANTITIES | typeof QUANTITIES,
  of: 'node' | 'device',
): (ExportedMetric & { readonly name: ReadingFamilyName })[] {
  const found = new Map<string, ExportedMetric & { readonly name: ReadingFamilyName }>();
  for (const [quantity, { kind }] of Object.entries(quantities)) {
    const family = familyOf(quantity, of);
    if (family === null) continue;
    const { name, help } = family;
    const domain = isEnergyQuantity(quantity) ? ['domain'] : [];
    const labels = [...(of === 'node' ? ['node'] : DEVICE), ...domain, ...Object.keys(family.labels)];
    found.set(name, { name, kind, labels, help });
  }
  return [...found.values()];
}

/** Of an agent. `node_…` are sources of the whole node, `device_…` of one GPU; what no meter has is absent. */
export const AGENT_METRICS = [
  exported('agent_connected', 'gauge', ['node'], '1 while a coordinator answers.'),
  exported('agent_running_trials', 'gauge', ['node'], 'Trials that run now.'),
  exported('agent_spooled_results', 'gauge', ['node'], 'Results no coordinator has confirmed yet.'),
  exported('agent_memory_bytes', 'gauge', ['node'], 'Resident memory of the agent itself.'),
  exported(
    'agent_processor_seconds_total',
    'counter',
    ['node'],
    'CPU time of the agent itself, its meters included.',
  ),
  exported('node_info', 'info', ['node', 'cpu_model', 'version'], 'What the node is; always 1.'),
  exported('node_memory_bytes', 'gauge', ['node'], 'Memory a trial may use.'),
  ...readings(ENERGY_QUANTITIES, 'node'),
  ...readings(QUANTITIES, 'node'),
  exported('device_info', 'info', [...DEVICE, 'name', 'class'], 'What a device is; always 1.'),
  exported('device_busy', 'gauge', DEVICE, '1 while a trial runs on the device.'),
  ...readings(ENERGY_QUANTITIES, 'device'),
  exported('device_memory_bytes', 'gauge', DEVICE, 'Memory of a device.'),
  ...readings(QUANTITIES, 'device'),
  exported(
    'meter_period_seconds',
    'gauge',
    ['node', 'device', 'meter'],
    'How often a meter can give something new.',
  ),
  exported(
    'meter_missed_readings_total',
    'counter',
    ['node', 'device', 'meter'],
    'Scrapes at which a meter did not give a quantity that it has.',
  ),
] as const;

export type CoordinatorMetric = (typeof COORDINATOR_METRICS)[number]['name'];
export type AgentMetric = (typeof AGENT_METRICS)[number]['name'];
