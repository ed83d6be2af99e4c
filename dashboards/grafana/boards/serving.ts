import type { MetricName } from '../../../core/metrics/catalogue.js';
import { type Board, board, MODEL, SWEEP } from '../board.js';
import { shown } from '../metric.js';
import { axis, column, top } from '../of-metric.js';
import { type Column, grid, type Sized } from '../panels.js';
import { scatter } from '../scatter.js';

const BY = ['model', 'quantization', 'node', 'experiment'];
const STARTS = 'Scheduled counts from when a request was meant to start, service from when it was sent.';

/** What servers gave under load. */
export function servingBoard(): Board {
  return board({
    name: 'serving',
    title: 'Serving',
    description:
      'What servers gave under load: requests and tokens by second, latencies from both starts, what their own metrics say.',
    variables: [SWEEP, MODEL],
    rows: [
      {
        title: 'Throughput against latency',
        panels: [
          tradeOff('Throughput and time to first token', [
            'first token p90',
            'scheduledTimeToFirstTokenP90Seconds',
          ]),
          tradeOff('Throughput and time by token', ['TPOT p90', 'requestTimePerOutputTokenP90Seconds']),
          tradeOff('Of the system and of one user', ['of one user', 'userTokensPerSecond']),
          top('Goodput', 'goodputRequestsPerSecond'),
          top('Requests by second', 'requestsPerSecond'),
          top('Failed requests', 'failedRequestsRatio'),
        ],
      },
      {
        title: 'Results',
        panels: [
          table(
            'Load',
            'Complete requests alone; goodput are those that kept the objectives of their sweep.',
            [
              column('requests/s', 'requestsPerSecond'),
              column('goodput', 'goodputRequestsPerSecond'),
              column('failed', 'failedRequestsRatio'),
              column('tokens/s', 'systemTokensPerSecond'),
              column('tokens/s of one user', 'userTokensPerSecond'),
            ],
          ),
          table('Time to first token', STARTS, [
            ...percentiles('scheduled', 'scheduledTimeToFirstToken'),
            ...percentiles('service', 'serviceTimeToFirstToken'),
          ]),
          table('Time by output token and of whole requests', STARTS, [
            ...percentiles('TPOT', 'requestTimePerOutputToken'),
            ...percentiles('request, scheduled', 'scheduledLatency'),
            ...percentiles('request, service', 'serviceLatency'),
          ]),
          table(
            'Inside the server',
            'What its own metrics say; an empty cell is one that it does not tell.',
            [
              column('waiting', 'meanQueuedRequests'),
              column('running', 'meanRunningRequests'),
              column('KV cache', 'kvCacheUsageRatio'),
              column('prefix hits', 'prefixCacheHitRatio'),
              column('accepted length', 'acceptanceLength'),
              column('accepted drafts', 'draftAcceptanceRatio'),
              column('start', 'serverStartSeconds'),
              column('generator late, p99', 'generatorLagP99Seconds'),
            ],
          ),
        ],
      },
    ],
  });
}

function tradeOff(title: string, [name, metric]: readonly [string, MetricName]): Sized {
  return scatter({
    title,
    description: `${shown('systemTokensPerSecond').help} ${shown(metric).help}`,
    x: axis(name, metric),
    y: axis('of the system', 'systemTokensPerSecond'),
  });
}

type Latency =
  | 'scheduledTimeToFirstToken'
  | 'serviceTimeToFirstToken'
  | 'requestTimePerOutputToken'
  | 'scheduledLatency'
  | 'serviceLatency';

function percentiles(name: string, latency: Latency): Column[] {
  return (['50', '90', '99'] as const).map((p) => column(`${name} p${p}`, `${latency}P${p}Seconds`));
}

function table(title: string, description: string, columns: readonly Column[]): Sized {
  return grid({ title, description, by: BY, columns });
}
