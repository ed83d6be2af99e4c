import { Gauge, Registry } from 'prom-client';
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

/** Quantity of a meter → metric of the exporter; the domain becomes a label. */
const NODE_METRICS: readonly { quantity: string; name: string; help: string }[] = [
  {
    quantity: 'energyJoules',
    name: 'ridgepoint_node_energy_joules_total',
    help: 'Energy counter of the node, since it was first read.',
  },
  { quantity: 'powerWatts', name: 'ridgepoint_node_power_watts', help: 'Power that the source reports now.' },
  {
    quantity: 'deviceMemoryBytes',
    name: 'ridgepoint_node_device_memory_bytes',
    help: 'Memory in use on the device.',
  },
  {
    quantity: 'cpuTemperatureCelsius',
    name: 'ridgepoint_node_cpu_temperature_celsius',
    help: 'Hottest CPU package.',
  },
  {
    quantity: 'deviceTemperatureCelsius',
    name: 'ridgepoint_node_device_temperature_celsius',
    help: 'Temperature of the device.',
  },
  {
    quantity: 'cpuClockHertz',
    name: 'ridgepoint_node_cpu_clock_hertz',
    help: 'Mean clock of the first CPU.',
  },
];

/** @returns a registry whose values are read when they are scraped. */
export function agentRegistry(state: AgentState): Registry {
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
  addNodeMetrics(registry, state.meters);
  return registry;
}

function addNodeMetrics(registry: Registry, meters: readonly Meter[]): void {
  const present = new Set(
    meters.flatMap((meter) => meter.quantities.map((quantity) => prefix(quantity.name))),
  );
  for (const { quantity, name, help } of NODE_METRICS) {
    if (!present.has(quantity)) continue;
    const gauge: Gauge<'domain'> = new Gauge({
      name,
      help,
      labelNames: ['domain'],
      registers: [registry],
      collect() {
        gauge.reset();
        for (const reading of meters.flatMap((meter) => meter.read())) {
          if (prefix(reading.quantity) !== quantity) continue;
          gauge.set({ domain: reading.quantity.split(':')[1] ?? 'node' }, reading.value);
        }
      },
    });
  }
}

function prefix(quantity: string): string {
  return quantity.split(':')[0] ?? quantity;
}
