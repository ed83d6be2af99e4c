import { type Board, type BoardRow, board } from '../board.js';
import { UNIT } from '../metric.js';
import { bars, buckets, number, overTime } from '../panels.js';
import { quantileOf } from '../query.js';

/** What the coordinator does with its fleet. */
export function schedulerBoard(): Board {
  return board({
    name: 'scheduler',
    title: 'Scheduler',
    description: 'What the coordinator deals out, how trials end, and why some do not count.',
    variables: [],
    rows: [workRow, durationsRow, logRow, doubtRow],
  });
}

const workRow: BoardRow = {
  title: 'Work',
  panels: [
    number({
      title: 'Waiting and running',
      description: 'Points of all sweeps that are open.',
      unit: UNIT.count,
      width: 8,
      lines: { '{{state}}': 'sum by (state) (ridgepoint_sweep_points{state=~"queued|running"})' },
    }),
    number({
      title: 'Trials since the coordinator started',
      description: 'By how they ended; drift controls are trials, too.',
      unit: UNIT.count,
      width: 8,
      lines: { '{{state}}': 'sum by (state) (ridgepoint_trials_total)' },
    }),
    number({
      title: 'Coordinators',
      description: 'By release, and how many of them lease work: it has to be one.',
      unit: UNIT.count,
      width: 8,
      lines: {
        '{{version}}': 'count by (version) (ridgepoint_build_info)',
        leading: 'sum(ridgepoint_leader)',
      },
    }),
    overTime({
      title: 'Leases',
      description:
        'Granted and lost in a second. A lost lease ended without a record: its node went silent or gave it back.',
      unit: UNIT.perSecond,
      lines: {
        'granted: {{purpose}}': 'sum by (purpose) (rate(ridgepoint_leases_granted_total[$__rate_interval]))',
        lost: 'sum(rate(ridgepoint_leases_lost_total[$__rate_interval]))',
      },
    }),
    overTime({
      title: 'Devices by what they do',
      description:
        'Of connected nodes: busy with a trial, waiting for work that is not there, or idle between the two.',
      unit: UNIT.count,
      stacked: true,
      lines: { '{{state}}': 'sum by (state) (ridgepoint_node_devices)' },
    }),
    overTime({
      title: 'Trials that end',
      description: 'In a second, by how.',
      unit: UNIT.perSecond,
      stacked: true,
      lines: { '{{state}}': 'sum by (state) (rate(ridgepoint_trials_total[$__rate_interval]))' },
    }),
    overTime({
      title: 'Points waiting',
      description: 'By sweep.',
      unit: UNIT.count,
      stacked: true,
      lines: { '{{sweep}}': 'sum by (sweep) (ridgepoint_sweep_points{state="queued"})' },
    }),
  ],
};

const durationsRow: BoardRow = {
  title: 'How long trials take',
  panels: [
    buckets({
      title: 'Duration of trials',
      description: 'Wall time, loading included; brighter means more trials.',
      unit: UNIT.seconds,
      expr: 'sum by (le) (increase(ridgepoint_trial_duration_seconds_bucket[$__rate_interval]))',
    }),
    overTime({
      title: 'Duration of trials by runner',
      description: 'Median and 95th percentile in the last 15 minutes, from buckets of steps of 1, 2 and 5.',
      unit: UNIT.seconds,
      lines: Object.fromEntries(
        [0.5, 0.95].map((share) => [
          `{{runner}} ${100 * share} %`,
          quantileOf(share, 'ridgepoint_trial_duration_seconds', { by: ['runner'], over: '15m' }),
        ]),
      ),
    }),
  ],
};

const logRow: BoardRow = {
  title: 'The log',
  panels: [
    overTime({
      title: 'Entries',
      description: 'Entries of the log that the coordinator has read or written.',
      unit: UNIT.count,
      lines: { entries: 'max(ridgepoint_log_entries)' },
    }),
    overTime({
      title: 'Time to append',
      description:
        'Until the log has taken facts durably, 99th percentile in the last 15 minutes; nothing is acknowledged before.',
      unit: UNIT.seconds,
      lines: { '99 %': quantileOf(0.99, 'ridgepoint_log_append_duration_seconds', { over: '15m' }) },
    }),
  ],
};

const doubtRow: BoardRow = {
  title: 'What is in doubt, and why',
  panels: [
    bars({
      title: 'Warnings that disturbed trials, or made them invalid',
      description:
        'Since the coordinator started, by code; disturbed trials count. docs/metrics.md says what each means.',
      unit: UNIT.count,
      lines: {
        'disturbed: {{code}}': 'sum by (code) (ridgepoint_disturbed_total)',
        'invalid: {{code}}': 'sum by (code) (ridgepoint_invalid_total)',
      },
    }),
    bars({
      title: 'Warnings by node',
      description:
        'Warnings since the coordinator started, those that leave a trial valid as well: a node that has many wants a look.',
      unit: UNIT.count,
      lines: { '{{node}}: {{code}}': 'topk(15, sum by (node, code) (ridgepoint_warnings_total))' },
    }),
    bars({
      title: 'Failed trials',
      description: 'Since the coordinator started, by code.',
      unit: UNIT.count,
      lines: { '{{code}}': 'sum by (code) (ridgepoint_failures_total)' },
    }),
  ],
};
