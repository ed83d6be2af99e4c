/**
 * What coordinator and agents export to Prometheus beside the measurements of results (catalogue.ts): each
 * metric once, with its labels; those of meters' readings follow from the quantities (meters.ts). Exporters,
 * rules, dashboards and docs/metrics.md read these lists.
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

/**
 * Metrics by their names without `ridgepoint_`; an ending says what is a counter or an info, the others are
 * gauges.
 */
function described<const Name extends string>(
  metrics: Readonly<
    Record<Name, { readonly kind?: 'histogram'; readonly labels?: readonly string[]; readonly help: string }>
  >,
): (ExportedMetric & { readonly name: `ridgepoint_${Name}` })[] {
  return Object.entries<(typeof metrics)[Name]>(metrics).map(([name, { kind, labels = [], help }]) => {
    const ending = name.endsWith('_total') ? 'counter' : name.endsWith('_info') ? 'info' : 'gauge';
    return { name: `ridgepoint_${name as Name}`, kind: kind ?? ending, labels, help };
  });
}

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
 * States of a sweep's points. `queued` and `running` are open; what waits of a paused sweep is `paused`, of a
 * cancelled one `cancelled`.
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

/** What the next point of a sweep can wait for. */
export const WAIT_REASONS = ['coordinator', 'device', 'node', 'quota', 'paused'] as const;

/** Labels of a ceiling that results stand under. */
export const ROOF_LABELS = ['node', 'device', 'level', 'arithmetic', 'threads', 'origin'] as const;

/** Of the coordinator. `node` is the name of an agent's node. */
export const COORDINATOR_METRICS = described({
  build_info: { labels: ['version'], help: 'The release of this coordinator; always 1.' },
  leader: {
    help: '1 while this coordinator leases work: it is not stopping, and the log took what it last wrote. 0 when another one writes.',
  },
  log_entries: { help: 'Entries of the log that this coordinator has read or written.' },
  log_writable: {
    help: '1 while the log takes what is written; 0 from an append that it refuses until one of that size goes through again.',
  },
  log_append_failures_total: {
    help: 'Appends that the log refused since this coordinator started; callers got an error.',
  },
  log_append_duration_seconds: {
    kind: 'histogram',
    help: 'Time until the log had taken facts durably; nothing is acknowledged before.',
  },
  sweep_points: {
    labels: ['sweep', 'state'],
    help: 'Points of a sweep by where they stand: queued, paused, running, complete, failed, invalid or cancelled.',
  },
  sweep_graded_points: {
    labels: ['sweep', 'grade'],
    help: 'Points of a sweep that were measured by grade: clean, disturbed (it counts, and is complete) or invalid.',
  },
  sweep_disturbed_points: {
    labels: ['sweep', 'code'],
    help: 'Points of a sweep that something disturbed, by the code of the warning; a point with two warnings counts under both.',
  },
  sweep_invalid_points: {
    labels: ['sweep', 'code'],
    help: 'Points of a sweep whose result is invalid, by the code of the warning; a point with two warnings counts under both.',
  },
  sweep_failed_points: {
    labels: ['sweep', 'code'],
    help: 'Points of a sweep that were given up, by failure code; unplaced where no trial was ever recorded.',
  },
  sweep_reused_points: {
    labels: ['sweep'],
    help: 'Complete points of a sweep whose result was taken over from an earlier one.',
  },
  sweep_impossible_points: { labels: ['sweep'], help: 'Points left out because they cannot run anywhere.' },
  sweep_trial_seconds: {
    labels: ['sweep'],
    help: 'Median time of the newest finished trials of a sweep; absent before the first.',
  },
  namespace_running_trials: { labels: ['namespace'], help: 'Trials of a namespace that run now.' },
  namespace_queued_points: { labels: ['namespace'], help: 'Points of a namespace that wait.' },
  namespace_device_seconds_total: {
    labels: ['namespace'],
    help: 'Time of devices that trials of a namespace have used, of all that are in the log.',
  },
  node_up: { labels: ['node'], help: 'Whether the agent of a node is connected: 1 or 0.' },
  node_devices: {
    labels: ['node', 'state'],
    help: 'Devices of a connected node: busy with a trial, waiting for work that is not there, or idle between the two.',
  },
  leases: {
    labels: ['node', 'purpose'],
    help: 'Leases held now: to measure a point, to probe it for a search, to ask it again, or for drift control.',
  },
  leases_granted_total: {
    labels: ['purpose'],
    help: 'Leases granted since this coordinator started: to measure a point, to probe it for a search, to ask it again, or for drift control.',
  },
  lease_wait_seconds: {
    kind: 'histogram',
    help: 'Time from when a device asked for work, or was told that there is some, until it had a lease. A request that finds nothing to do ends the wait uncounted; one that a takeover of another coordinator holds back goes on waiting.',
  },
  oldest_waiting_point_seconds: {
    labels: ['reason'],
    help: 'Longest time for which the next point of a sweep has waited: since the one before it was leased, or since it began to wait for that. By reason: coordinator (a device that may take it asked in vain), device (all such are busy), node (no connected node may take it), quota or paused. Absent where nothing waits.',
  },
  leases_lost_total: {
    help: 'Leases that ended without a record since this coordinator started: the node went silent or gave them back.',
  },
  trials_total: {
    labels: ['state'],
    help: 'Trials recorded since this coordinator started, by how they ended.',
  },
  disturbed_total: {
    labels: ['code'],
    help: 'What disturbed trials that count since this coordinator started, by code.',
  },
  invalid_total: {
    labels: ['code'],
    help: 'Warnings that made a trial invalid since this coordinator started, by code.',
  },
  warnings_total: {
    labels: ['code', 'severity', 'node'],
    help: 'Trials that carry a warning since this coordinator started, by code, severity (note, disturbed or invalid) and node.',
  },
  failures_total: {
    labels: ['code'],
    help: 'Failed trials since this coordinator started, by failure code.',
  },
  inter_token_latency_seconds: {
    kind: 'histogram',
    labels: LATENCY_LABELS,
    help: 'Gaps between tokens, every decode step of every valid trial.',
  },
  first_token_latency_seconds: {
    kind: 'histogram',
    labels: LATENCY_LABELS,
    help: 'Time to first token, every repeat of every valid trial.',
  },
  trial_duration_seconds: {
    kind: 'histogram',
    labels: LATENCY_LABELS,
    help: 'Wall time of a trial, loading included.',
  },
  experiment_info: {
    labels: ['experiment', '(axes)'],
    help: 'Every axis of the experiments that are exported now; join on (experiment). Always 1.',
  },
  result_timestamp_seconds: {
    labels: RESULT_LABELS,
    help: 'When the exported result of an experiment ended, in seconds since 1970.',
  },
  sweep_best_info: {
    labels: ['sweep', 'objective', 'experiment', 'node', 'device'],
    help: 'Which exported result is the best of its sweep by an objective; join on (experiment, node, device). Always 1.',
  },
  result_interval: {
    labels: [...RESULT_LABELS, 'metric', 'end'],
    help: 'Ends (low, high) of the 95 % interval of each metric that tables show, in its unit: of another run, or of further starts where nothing was read of neighbours; of the text for quality, of the node for predictions.',
  },
  result_adjusted_ratio: {
    labels: [...RESULT_LABELS, 'metric'],
    help: 'What the geometric mean of the starts was multiplied by, to be the number of a metric at the readings of neighbours that all rows of the run share; none where nothing was read.',
  },
  result_calm: {
    labels: [...RESULT_LABELS, 'metric'],
    help: 'Each metric that tables show as it would be on a calm machine, in its unit; none where nothing was read of neighbours.',
  },
  result_prediction_info: {
    labels: [...RESULT_LABELS, 'predicted_by'],
    help: 'What the predicted times of a result follow from, such as tables of an engine on a GPU: nobody measured them. Always 1.',
  },
  result_starts: { labels: RESULT_LABELS, help: 'Starts (processes) that a result is made of.' },
  result_disturbed: {
    labels: RESULT_LABELS,
    help: 'Whether the machine was not the result’s alone, by a warning of any of its starts: 1 or 0.',
  },
  result_on_front: {
    labels: RESULT_LABELS,
    help: "Whether no exported result of the sweep beats this one in the sweep's objectives: 1 or 0.",
  },
  phase_flops_per_second: {
    labels: [...RESULT_LABELS, 'phase'],
    help: 'FLOPs that the model asks of a phase over the time it took.',
  },
  phase_flops_per_byte: {
    labels: [...RESULT_LABELS, 'phase'],
    help: 'Arithmetic intensity of a phase: FLOPs over the bytes of weights and cache that it reads.',
  },
  phase_roof_ratio: {
    labels: [...RESULT_LABELS, 'phase', 'bound'],
    help: 'Least time that the roofs allow for a phase over the time it took, with what binds: memory or compute.',
  },
  roof_flops_per_second: {
    labels: ROOF_LABELS,
    help: 'Peak of the arithmetic that exported results stand under, at their threads; measured on the node or published by the maker.',
  },
  roof_bytes_per_second: {
    labels: ROOF_LABELS,
    help: 'Bandwidth under the same roof, of memory, or of the last cache where what is read fits there.',
  },
});

const DEVICE = ['node', 'device'];

/**
 * The families that show these quantities of the node or of a device, each once: several quantities may share
 * one.
 */
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

/**
 * Of an agent. `node_…` are sources of the whole node, `device_…` of one GPU; what no meter has is absent.
 */
export const AGENT_METRICS = [
  ...described({
    agent_connected: { labels: ['node'], help: '1 while a coordinator answers.' },
    agent_running_trials: { labels: ['node'], help: 'Trials that run now.' },
    agent_spooled_results: { labels: ['node'], help: 'Results no coordinator has confirmed yet.' },
    agent_newer_results: {
      labels: ['node'],
      help: 'Those of the spooled results that wait for a newer release, which wrote them.',
    },
    agent_memory_bytes: { labels: ['node'], help: 'Resident memory of the agent itself.' },
    agent_processor_seconds_total: {
      labels: ['node'],
      help: 'CPU time of the agent itself, its meters included.',
    },
    node_info: { labels: ['node', 'cpu_model', 'version'], help: 'What the node is; always 1.' },
    node_memory_bytes: { labels: ['node'], help: 'Memory a trial may use.' },
  }),
  ...readings(ENERGY_QUANTITIES, 'node'),
  ...readings(QUANTITIES, 'node'),
  ...described({
    device_info: { labels: [...DEVICE, 'name', 'class'], help: 'What a device is; always 1.' },
    device_busy: { labels: DEVICE, help: '1 while a trial runs on the device.' },
  }),
  ...readings(ENERGY_QUANTITIES, 'device'),
  ...described({
    device_memory_bytes: { labels: DEVICE, help: 'Memory of a device.' },
  }),
  ...readings(QUANTITIES, 'device'),
  ...described({
    meter_period_seconds: {
      labels: ['node', 'device', 'meter'],
      help: 'How often a meter can give something new.',
    },
    meter_missed_readings_total: {
      labels: ['node', 'device', 'meter'],
      help: 'Scrapes at which a meter did not give a quantity that it has.',
    },
  }),
];

export type CoordinatorMetric = (typeof COORDINATOR_METRICS)[number]['name'];
export type AgentMetric = (typeof AGENT_METRICS)[number]['name'];
