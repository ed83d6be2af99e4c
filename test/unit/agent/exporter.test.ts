import { expect, test } from 'vitest';
import { type AgentState, agentMetrics } from '../../../agent/exporter/metrics.js';
import type { Meter, Reading } from '../../../agent/meters/meter.js';
import { bench } from '../../support/bench.js';

function state(readings: () => readonly Reading[], quantities: Meter['quantities']): AgentState {
  const meter: Meter = {
    name: 'm',
    quantities,
    periodSeconds: 1,
    read: readings,
    attach() {},
    close() {},
  };
  return {
    profile: bench().profile,
    connected: () => false,
    runningTrials: () => 3,
    spooledResults: () => 2,
    meters: [meter],
  };
}

test('energy is a counter that shows the source’s own count, by domain, at every scrape', async () => {
  let joules = 100;
  let reads = 0;
  const read = () => {
    reads += 1;
    return [
      { quantity: 'energyJoules:package-0', seconds: 0, value: joules },
      { quantity: 'energyJoules:dram-0', seconds: 0, value: 7 },
      { quantity: 'powerWatts:gpu', seconds: 0, value: 55.5 },
      { quantity: 'processCpuSeconds', seconds: 0, value: 1 },
    ];
  };
  const quantity = (name: string, kind: 'gauge' | 'counter') => ({ name, unit: '', kind, domain: null });
  const metrics = agentMetrics(
    state(read, [
      quantity('energyJoules:package-0', 'counter'),
      quantity('energyJoules:dram-0', 'counter'),
      quantity('powerWatts:gpu', 'gauge'),
    ]),
  );
  const first = await metrics.text();
  expect(reads).toBe(1);
  expect(first).toContain('# TYPE ridgepoint_node_energy_joules_total counter');
  expect(first).toContain('ridgepoint_node_energy_joules_total{domain="package-0"} 100\n');
  expect(first).toContain('ridgepoint_node_energy_joules_total{domain="dram-0"} 7\n');
  expect(first).toContain('ridgepoint_node_power_watts{domain="gpu"} 55.5\n');
  expect(first).toMatch(/^ridgepoint_agent_running_trials 3$/m);
  expect(first).toMatch(/^ridgepoint_agent_spooled_results 2$/m);
  expect(first).toMatch(/^ridgepoint_agent_connected 0$/m);
  joules = 130;
  expect(await metrics.text()).toContain('ridgepoint_node_energy_joules_total{domain="package-0"} 130\n');
});

test('what no meter has is not exposed, rather than 0', async () => {
  const text = await agentMetrics(state(() => [], [])).text();
  expect(text).not.toContain('energy_joules');
  expect(text).not.toContain('power_watts');
});
