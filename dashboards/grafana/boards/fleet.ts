import { type Board, type BoardRow, board } from '../board.js';
import { UNIT } from '../metric.js';
import { grid, number, overTime, type Sized } from '../panels.js';

/** Who is there and how it fares. */
export function fleetBoard(): Board {
  return board({
    name: 'fleet',
    title: 'Fleet',
    description: 'Which nodes are there, what they are, and how they fare.',
    variables: [],
    rows: [nodesRow, devicesRow, gpusRow, agentsRow],
  });
}

const nodesRow: BoardRow = {
  title: 'Nodes',
  panels: [
    number({
      title: 'Connected',
      description: 'Nodes whose agent is connected to the coordinator, of those that it knows.',
      unit: UNIT.count,
      lines: { connected: 'sum(ridgepoint_node_up)', known: 'count(ridgepoint_node_up)' },
    }),
    number({
      title: 'Trials running',
      description: 'As the agents say.',
      unit: UNIT.count,
      lines: { running: 'sum(ridgepoint_agent_running_trials)' },
    }),
    number({
      title: 'Results waiting',
      description: "Results on agents' disks that no coordinator has confirmed yet.",
      unit: UNIT.count,
      lines: { waiting: 'sum(ridgepoint_agent_spooled_results)' },
    }),
    number({
      title: 'Releases',
      description: 'Agents by release: more than one means that an update is under way or was forgotten.',
      unit: UNIT.count,
      lines: { '{{version}}': 'count by (version) (ridgepoint_node_info)' },
    }),
    grid({
      title: 'What nodes are',
      description: 'As their agents say. Memory is what a trial may use.',
      by: ['node', 'cpu_model', 'version'],
      height: 7,
      columns: [
        {
          name: 'memory',
          unit: UNIT.bytes,
          expr: 'ridgepoint_node_info * on (node) group_left () max by (node) (ridgepoint_node_memory_bytes)',
        },
        {
          name: 'connected',
          unit: UNIT.count,
          expr: 'ridgepoint_node_info * on (node) group_left () max by (node) (ridgepoint_agent_connected)',
        },
      ],
    }),
    overTime({
      title: 'Connected',
      description: 'Whether the agent of a node was connected: 1 or 0.',
      unit: UNIT.count,
      lines: { '{{node}}': 'max by (node) (ridgepoint_node_up)' },
    }),
    overTime({
      title: 'Trials running',
      description: 'By agent.',
      unit: UNIT.count,
      stacked: true,
      lines: { '{{node}}': 'sum by (node) (ridgepoint_agent_running_trials)' },
    }),
  ],
};

const devicesRow: BoardRow = {
  title: 'Devices',
  panels: [
    grid({
      title: 'What devices are',
      description: 'Every device that trials can have to themselves.',
      by: ['node', 'device', 'name', 'class'],
      height: 7,
      columns: [
        {
          name: 'memory',
          unit: UNIT.bytes,
          expr: ofDevice('ridgepoint_device_memory_bytes'),
        },
        { name: 'busy', unit: UNIT.count, expr: ofDevice('ridgepoint_device_busy') },
      ],
    }),
    overTime({
      title: 'Busy',
      description: 'Share of time in which a trial ran on the device.',
      unit: UNIT.share,
      width: 24,
      lines: {
        '{{node}} {{device}}':
          'max by (node, device) (avg_over_time(ridgepoint_device_busy[$__rate_interval]))',
      },
    }),
  ],
};

const gpusRow: BoardRow = {
  title: 'GPUs',
  panels: [
    gpu(
      'Power',
      UNIT.watts,
      'ridgepoint_device_power_watts',
      'domain',
      'As the driver reports it; the domain says of what, and whether it is a mean.',
    ),
    gpu('Temperature', UNIT.celsius, 'ridgepoint_device_temperature_celsius', 'sensor', 'By sensor.'),
    gpu('Clocks', UNIT.hertz, 'ridgepoint_device_clock_hertz', 'clock', 'Of the cores and of the memory.'),
    overTime({
      title: 'Throttling',
      description:
        'Share of time in which a device had lowered its clock, by reason. Trials in it are disturbed; a power cap alone is a note.',
      unit: UNIT.share,
      lines: {
        '{{node}} {{device}} {{reason}}':
          'max by (node, device, reason) (avg_over_time(ridgepoint_device_throttling[$__rate_interval]))',
      },
    }),
    overTime({
      title: 'Memory in use',
      description: 'Share of the memory of a device that anybody uses.',
      unit: UNIT.share,
      lines: {
        '{{node}} {{device}}':
          'max by (node, device) (ridgepoint_device_memory_used_bytes) / max by (node, device) (ridgepoint_device_memory_bytes)',
      },
    }),
    overTime({
      title: 'Utilization',
      description:
        'Share of time in which a device was at work, as its driver says: one small kernel at a time is enough for 100 %.',
      unit: UNIT.share,
      lines: { '{{node}} {{device}}': 'max by (node, device) (ridgepoint_device_utilization_ratio)' },
    }),
  ],
};

const agentsRow: BoardRow = {
  title: 'Agents themselves',
  panels: [
    overTime({
      title: 'Memory of the agents',
      description: 'Resident memory of the agent alone; models run in processes of their own.',
      unit: UNIT.bytes,
      lines: { '{{node}}': 'max by (node) (ridgepoint_agent_memory_bytes)' },
    }),
    overTime({
      title: 'CPU time of the agents',
      description:
        'Cores that the agent itself uses, its meters included: what measuring costs. Models run in processes of their own.',
      unit: 'suffix: cores',
      lines: {
        '{{node}}': 'max by (node) (rate(ridgepoint_agent_processor_seconds_total[$__rate_interval]))',
      },
    }),
    overTime({
      title: 'Readings missed',
      description:
        'Scrapes in a second at which a meter did not give a quantity that it has; energy of trials in that time may be missing.',
      unit: UNIT.perSecond,
      lines: {
        '{{node}} {{meter}}':
          'sum by (node, meter) (rate(ridgepoint_meter_missed_readings_total[$__rate_interval]))',
      },
    }),
    overTime({
      title: 'Results waiting',
      description: "Results on an agent's disk that no coordinator has confirmed yet.",
      unit: UNIT.count,
      lines: { '{{node}}': 'max by (node) (ridgepoint_agent_spooled_results)' },
    }),
  ],
};

function gpu(title: string, unit: string, series: string, by: string, description: string): Sized {
  return overTime({
    title,
    description,
    unit,
    lines: { [`{{node}} {{device}} {{${by}}}`]: `max by (node, device, ${by}) (${series})` },
  });
}

/** A device's value beside what the device is. */
function ofDevice(series: string): string {
  return `ridgepoint_device_info * on (node, device) group_left () max by (node, device) (${series})`;
}
