import { type Board, type BoardRow, board, MODEL, SWEEP } from '../board.js';
import { shown, UNIT } from '../metric.js';
import { axis, column, top } from '../of-metric.js';
import { grid, number, overTime } from '../panels.js';
import { scatter } from '../scatter.js';

/** What nodes draw and what results cost. */
export function energyBoard(): Board {
  return board({
    name: 'energy',
    title: 'Energy',
    description:
      'What nodes draw now, and what results cost: by token, by phase, gross and net of idle power.',
    variables: [SWEEP, MODEL],
    rows: [nodesRow, resultsRow],
  });
}

const nodesRow: BoardRow = {
  title: 'Nodes',
  panels: [
    overTime({
      title: 'Power by the counter',
      description:
        'Rate of the energy counter of each source; sources may lie within each other, so they are not summed.',
      unit: UNIT.watts,
      lines: { '{{node}} {{domain}}': 'rate(ridgepoint_node_energy_joules_total[$__rate_interval])' },
    }),
    overTime({
      title: 'Power as reported',
      description:
        'What a source says its power is; where there is a counter, its rate is to be trusted more.',
      unit: UNIT.watts,
      lines: { '{{node}} {{domain}}': 'ridgepoint_node_power_watts' },
    }),
    overTime({
      title: 'Power of devices by the counter',
      description:
        'Rate of the energy counter of each GPU: whole boards, where the driver has such a counter.',
      unit: UNIT.watts,
      lines: {
        '{{node}} {{device}} {{domain}}': 'rate(ridgepoint_device_energy_joules_total[$__rate_interval])',
      },
    }),
    number({
      title: 'Energy in the chosen time',
      description: 'By each counter, in the time that the dashboard shows.',
      unit: UNIT.joules,
      width: 12,
      height: 8,
      lines: {
        '{{node}} {{domain}}': 'increase(ridgepoint_node_energy_joules_total[$__range])',
        '{{node}} {{device}}': 'increase(ridgepoint_device_energy_joules_total[$__range])',
      },
    }),
  ],
};

const resultsRow: BoardRow = {
  title: 'Results',
  panels: [
    scatter({
      title: 'Speed and energy of a token',
      description: `${shown('energyPerOutputTokenJoules').help} ${shown('decodeTokensPerSecond').help}`,
      x: axis('decode', 'decodeTokensPerSecond'),
      y: axis('energy of an output token', 'energyPerOutputTokenJoules'),
    }),
    scatter({
      title: 'Energy and perplexity',
      description: `${shown('energyPerOutputTokenJoules').help} ${shown('perplexity').help}`,
      x: axis('energy of an output token', 'energyPerOutputTokenJoules'),
      y: axis('perplexity', 'perplexity'),
    }),
    top('Energy by output token', 'energyPerOutputTokenJoules'),
    top('Energy by total token', 'energyPerTotalTokenJoules'),
    top('Tokens by joule', 'tokensPerJoule'),
    top('Energy-delay product', 'energyDelayProductJouleSeconds'),
    grid({
      title: 'Gross, net, and by phase',
      description:
        'Of one repeat. Net is less the idle power measured before; an integral that disagrees with the counter makes a warning.',
      by: ['model', 'quantization', 'node', 'experiment'],
      columns: [
        column('gross', 'energyJoules'),
        column('net', 'energyNetJoules'),
        column('prefill', 'prefillEnergyJoules'),
        column('decode', 'decodeEnergyJoules'),
        column('mean power', 'averagePowerWatts'),
        column('idle power', 'idlePowerWatts'),
        column('integral', 'energyIntegralJoules'),
        column('integral less counter', 'energyIntegralDifferenceRatio'),
      ],
    }),
  ],
};
