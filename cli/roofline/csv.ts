import { csvLines } from '../../report/csv.js';
import type { Analysis, PhaseAnalysis } from '../../roofline/analysis/analysis.js';
import { POINT_FIELDS } from '../../roofline/analysis/point.js';

const PHASES = ['prefill', 'decode'] as const;

type Cell = string | number | boolean | null;

const pointCells = ({ point }: Analysis): Cell[] => POINT_FIELDS.map((field) => point[field]);

/** @returns a row for each operator of each phase of each point, in base units. */
export function operatorsCsv(analyses: readonly Analysis[]): string {
  const head = [
    ...POINT_FIELDS,
    'phase',
    'operator',
    'module',
    'calls',
    'flops',
    'bytes',
    'weightsReadBytes',
    'cacheReadBytes',
    'cacheWrittenBytes',
    'activationsReadBytes',
    'activationsWrittenBytes',
    'linkBytes',
    'flopPerByte',
    'arithmetic',
    'bound',
    'flopsPerSecond',
    'seconds',
    'linkSeconds',
    'share',
  ];
  const lines = analyses.flatMap((analysis) =>
    PHASES.flatMap((phase) =>
      analysis[phase].rows.map((row): Cell[] => [
        ...pointCells(analysis),
        phase,
        row.name,
        row.module,
        row.calls,
        row.flops,
        row.bytes,
        row.traffic.weightsRead,
        row.traffic.cacheRead,
        row.traffic.cacheWritten,
        row.traffic.activationsRead,
        row.traffic.activationsWritten,
        row.linkBytes,
        row.intensity,
        row.arithmetic,
        row.bound,
        row.flopsPerSecond,
        row.seconds,
        row.linkSeconds,
        row.share,
      ]),
    ),
  );
  return csvLines([head, ...lines]);
}

/** @returns a row for each point, in base units. */
export function pointsCsv(analyses: readonly Analysis[]): string {
  const phaseHead = (phase: string) =>
    [
      'Seconds',
      'TokensPerSecond',
      'Flops',
      'Bytes',
      'FlopPerByte',
      'Bound',
      'MemoryBoundShare',
      'LinkBytes',
      'LinkSeconds',
      'IdleShare',
    ].map((name) => `${phase}${name}`);
  const head = [
    ...POINT_FIELDS,
    'devices',
    'ceilings',
    'ridgePointFlopPerByte',
    ...PHASES.flatMap(phaseHead),
    'weightsBytes',
    'kvCacheBytes',
    'activationsBytes',
    'memoryBytes',
    'fits',
    'generateSeconds',
    'draftSeconds',
    'verifySeconds',
    'expectedTokens',
    'speculativeTokensPerSecond',
  ];
  const lines = analyses.map((analysis): Cell[] => [
    ...pointCells(analysis),
    analysis.devices,
    analysis.roof.origin,
    analysis.roof.ridgePoint,
    ...PHASES.flatMap((phase) => phaseCells(analysis[phase])),
    analysis.memory.weights,
    analysis.memory.kvCache,
    analysis.memory.activations,
    analysis.memory.bytes,
    analysis.memory.fits,
    analysis.generateSeconds,
    analysis.speculative?.draftSeconds ?? null,
    analysis.speculative?.verifySeconds ?? null,
    analysis.speculative?.expectedTokens ?? null,
    analysis.speculative?.tokensPerSecond ?? null,
  ]);
  return csvLines([head, ...lines]);
}

const phaseCells = (phase: PhaseAnalysis): Cell[] => [
  phase.seconds,
  phase.tokensPerSecond,
  phase.flops,
  phase.bytes,
  phase.intensity,
  phase.bound,
  phase.memoryBoundShare,
  phase.linkBytes,
  phase.linkSeconds,
  phase.idleShare,
];
