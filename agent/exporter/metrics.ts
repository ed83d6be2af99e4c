import type { NodeProfile } from '../../core/experiment/node.js';
import { AGENT_METRICS, type AgentMetric } from '../../core/metrics/exported.js';
import type { Family, Labels, Series } from '../../core/metrics/families.js';
import { exportedReadings } from './readings.js';
import type { ExportedMeter } from './sources.js';

/** What the exporter shows, asked for at every scrape. */
export interface AgentState {
  readonly profile: NodeProfile;
  connected(): boolean;
  /** Devices of the trials that run now. */
  runningOn(): readonly string[];
  spooledResults(): number;
  /** Those of them that wait for a newer release. */
  newerResults(): number;
  /** Meters of node and devices, not of a trial; read at every scrape. */
  readonly meters: readonly ExportedMeter[];
}

type Add = (metric: AgentMetric, labels: Labels, value: number) => void;

/**
 * @returns a function that reads every source once and gives all that an agent exports. What no meter has is
 *   absent, never 0.
 */
export function agentMetrics(state: AgentState): () => Family[] {
  const missed = new Map<ExportedMeter, number>();
  const node = state.profile.name;
  return () => {
    const series = new Map<AgentMetric, Series[]>();
    const add: Add = (metric, labels, value) => {
      const own = series.get(metric) ?? [];
      series.set(metric, own);
      own.push({ labels: { node, ...labels }, value });
    };
    addAgent(state, add);
    addDevices(state, add);
    for (const exported of state.meters) addReadings(exported, missed, add);
    return AGENT_METRICS.flatMap(({ name, help, kind }): Family[] => {
      const own = series.get(name);
      return own === undefined
        ? []
        : [{ name, help, kind: kind === 'counter' ? kind : 'gauge', series: own }];
    });
  };
}

function addAgent(state: AgentState, add: Add): void {
  const { cpuModel, version, memoryBytes } = state.profile;
  const { user, system } = process.cpuUsage();
  add('ridgepoint_agent_connected', {}, state.connected() ? 1 : 0);
  add('ridgepoint_agent_running_trials', {}, state.runningOn().length);
  add('ridgepoint_agent_spooled_results', {}, state.spooledResults());
  add('ridgepoint_agent_newer_results', {}, state.newerResults());
  add('ridgepoint_agent_memory_bytes', {}, process.memoryUsage.rss());
  add('ridgepoint_agent_processor_seconds_total', {}, (user + system) / 1e6);
  add('ridgepoint_node_info', { cpu_model: cpuModel, version }, 1);
  add('ridgepoint_node_memory_bytes', {}, memoryBytes);
}

function addDevices({ profile, runningOn }: AgentState, add: Add): void {
  const busy = new Set(runningOn());
  for (const { id, name, classes, memoryBytes } of profile.devices) {
    add('ridgepoint_device_info', { device: id, name, class: classes.at(-1) ?? '' }, 1);
    add('ridgepoint_device_busy', { device: id }, busy.has(id) ? 1 : 0);
    add('ridgepoint_device_memory_bytes', { device: id }, memoryBytes);
  }
}

function addReadings(exported: ExportedMeter, missed: Map<ExportedMeter, number>, add: Add): void {
  const { device, meter } = exported;
  const promised = meter.quantities.filter(
    ({ name }) => exportedReadings(device, { quantity: name, value: 0 }).length > 0,
  );
  // What only a trial has (its CPU time, its memory) is not read here.
  if (promised.length === 0) return;
  const readings = meter.read();
  for (const reading of readings) {
    for (const { metric, labels, value } of exportedReadings(device, reading)) add(metric, labels, value);
  }
  const given = new Set(readings.map(({ quantity }) => quantity));
  if (promised.some(({ name }) => !given.has(name))) missed.set(exported, (missed.get(exported) ?? 0) + 1);
  const which = { device: device ?? '', meter: meter.name };
  add('ridgepoint_meter_period_seconds', which, meter.periodSeconds);
  add('ridgepoint_meter_missed_readings_total', which, missed.get(exported) ?? 0);
}
