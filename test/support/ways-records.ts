import type { QualityRecord } from '../../core/quality/record.js';
import type { ResultRecord } from '../../core/result/result.js';
import { experimentOf } from './experiments.js';
import { completeTrial } from './records.js';

type Task = QualityRecord['tasks'][number];

function asked(way: string | null, score: number, tokensIn: number): Task {
  return {
    name: way === null ? 'facts' : `sums (${way})`,
    ...(way !== null && { task: 'sums', way }),
    items: 40,
    asked: undefined,
    chance: null,
    perItem: { seconds: tokensIn / 7500, tokensIn, tokensOut: 20 },
    scores: [
      {
        name: 'exact',
        score: { value: score, standardError: 0.08 },
        base: null,
        retentionPercent: null,
        groupings: [],
      },
    ],
  };
}

/** Two rows that asked a task in two ways, of which the second helps one of them, and another task in one. */
export function waysRecords(): ResultRecord[] {
  return [
    ['f16', 0.6],
    ['q4_0', 0.3],
  ].map(([quantization, withExamples], position) => ({
    ...completeTrial({
      sweepName: 'ways',
      watts: null,
      position,
      experiment: experimentOf({ quantization: String(quantization), flashAttention: true, parallel: 1 }),
    }),
    quality: {
      text: null,
      tasks: [asked('plain', 0.4, 75), asked('examples=3', Number(withExamples), 300), asked(null, 0.9, 50)],
      textDigest: null,
      taskDigests: [],
      questions: [],
      warnings: [],
      seconds: 3,
      reused: false,
    },
  }));
}
