import { Counter, Gauge, Registry } from 'prom-client';
import type { NodeProfile } from '../../core/node.js';
import type { Meter } from '../meters/meter.js';

/** What the exporter shows, asked for at every scrape. */
export interface AgentState {
  readonly profile: NodeProfile;
  connected(): boolean;
  runningTrials(): number;
  spooledResults(): number;
  /** Meters of the node, not of a trial; read at every scrape. */
  readonly meters: readonly Meter[];
}

interface NodeMetric {
  /** Quantity of a meter, without its domain; the domain becomes a label. */
  readonly quantity: string;
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
}

const NODE_METRICS: readonly NodeMetric[] = [
  {
    quantity: 'energyJoules',
    kind: 'counter',
    name: 'ridgepoint_node_energy_joules_total',
    help: 'Energy counter of the source; what it counts from is its own affair.',
  },
  {
    quantity: 'powerWatts',
    kind: 'gauge',
    name: 'ridgepoint_node_power_watts',
    help: 'Power that the source reports now.',
  },
  {
    quantity: 'deviceMemoryBytes',
    kind: 'gauge',
    name: 'ridgepoint_node_device_memory_bytes',
    help: 'Memory in use on the device.',
  },
  {
    quantity: 'cpuTemperatureCelsius',
    kind: 'gauge',
    name: 'ridgepoint_node_cpu_temperature_celsius',
    help: 'Hottest CPU package.',
  },
  {
    quantity: 'deviceTemperatureCelsius',
    kind: 'gauge',
    name: 'ridgepoint_node_device_temperature_celsius',
    help: 'Temperature of the device.',
  },
  {
    quantity: 'cpuClockHertz',
    kind: 'gauge',
    name: 'ridgepoint_node_cpu_clock_hertz',
    help: 'Clock of the first CPU.',
  },
];

export interface AgentMetrics {
  readonly contentType: string;
  /** Reads every source once and writes the Prometheus text. */
  text(): Promise<string>;
}

export function agentMetrics(state: AgentState): AgentMetrics {
  const registry = new Registry();
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge('ridgepoint_agent_connected', '1 while a coordinator answers.', () => (state.connected() ? 1 : 0));
  gauge('ridgepoint_agent_running_trials', 'Trials that run now.', () => state.runningTrials());
  gauge('ridgepoint_agent_spooled_results', 'Results no coordinator has confirmed yet.', () =>
    state.spooledResults(),
  );
  gauge('ridgepoint_agent_memory_bytes', 'Resident memory of the agent itself.', () =>
    process.memoryUsage.rss(),
  );
  gauge('ridgepoint_node_memory_bytes', 'Memory a trial may use.', () => state.profile.memoryBytes);
  const { name, cpuModel, version } = state.profile;
  new Gauge({
    name: 'ridgepoint_node_info',
    help: 'What the node is; always 1.',
    labelNames: ['node', 'cpu_model', 'version'],
    registers: [registry],
  }).set({ node: name, cpu_model: cpuModel, version }, 1);
  const readNode = nodeMetrics(registry, state.meters);
  return {
    contentType: registry.contentType,
    text() {
      readNode();
      return registry.metrics();
    },
  };
}

/** @returns a function that reads the meters into their metrics; what no meter has is not exposed. */
function nodeMetrics(registry: Registry, meters: readonly Meter[]): () => void {
  const present = new Set(meters.flatMap((meter) => meter.quantities.map(({ name }) => prefix(name))));
  const exposed = NODE_METRICS.filter(({ quantity }) => present.has(quantity)).map(
    ({ quantity, kind, name, help }) => {
      const settings = { name, help, labelNames: ['domain'] as const, registers: [registry] };
      return { quantity, metric: kind === 'counter' ? new Counter(settings) : new Gauge(settings) };
    },
  );
  return () => {
    const readings = meters.flatMap((meter) => meter.read());
    for (const { quantity, metric } of exposed) {
      metric.reset();
      for (const reading of readings) {
        if (prefix(reading.quantity) !== quantity) continue;
        // After the reset, adding sets the value: for a counter whose count is kept elsewhere.
        metric.inc({ domain: reading.quantity.split(':')[1] ?? 'node' }, reading.value);
      }
    }
  };
}

function prefix(quantity: string): string {
  return quantity.split(':')[0] ?? quantity;
}
