import { type Cell, type Columns, csvLines, linesOf } from '../../report/csv.js';
import type { Analysis, AnalysisRow, PhaseAnalysis } from '../../roofline/analysis/analysis.js';
import { POINT_FIELDS } from '../../roofline/analysis/point.js';

const PHASES = ['prefill', 'decode'] as const;

const pointCells = ({ point }: Analysis): Cell[] => POINT_FIELDS.map((field) => point[field]);

const OPERATOR_COLUMNS: Columns<AnalysisRow> = {
  operator: ({ name }) => name,
  module: ({ module }) => module,
  calls: ({ calls }) => calls,
  flops: ({ flops }) => flops,
  bytes: ({ bytes }) => bytes,
  weightsReadBytes: ({ traffic }) => traffic.weightsRead,
  cacheReadBytes: ({ traffic }) => traffic.cacheRead,
  cacheWrittenBytes: ({ traffic }) => traffic.cacheWritten,
  activationsReadBytes: ({ traffic }) => traffic.activationsRead,
  activationsWrittenBytes: ({ traffic }) => traffic.activationsWritten,
  linkBytes: ({ linkBytes }) => linkBytes,
  flopPerByte: ({ intensity }) => intensity,
  arithmetic: ({ arithmetic }) => arithmetic,
  bound: ({ bound }) => bound,
  flopsPerSecond: ({ flopsPerSecond }) => flopsPerSecond,
  seconds: ({ seconds }) => seconds,
  linkSeconds: ({ linkSeconds }) => linkSeconds,
  share: ({ share }) => share,
  reachableSeconds: ({ predicted }) => predicted?.reachableSeconds ?? null,
  predictedSeconds: ({ predicted }) => predicted?.seconds ?? null,
  predictedLimit: ({ predicted }) => predicted?.limit ?? null,
  predictedSpread: ({ predicted }) => predicted?.spread ?? null,
};

/** @returns a row for each operator of each phase of each point, in base units. */
export function operatorsCsv(analyses: readonly Analysis[]): string {
  const lines = analyses.flatMap((analysis) =>
    PHASES.flatMap((phase) =>
      linesOf(analysis[phase].rows, OPERATOR_COLUMNS).lines.map((line) => [
        ...pointCells(analysis),
        phase,
        ...line,
      ]),
    ),
  );
  return csvLines([[...POINT_FIELDS, 'phase', ...Object.keys(OPERATOR_COLUMNS)], ...lines]);
}

/** Of each phase, behind its name. */
const PHASE_COLUMNS: Columns<PhaseAnalysis> = {
  Seconds: ({ seconds }) => seconds,
  TokensPerSecond: ({ tokensPerSecond }) => tokensPerSecond,
  Flops: ({ flops }) => flops,
  Bytes: ({ bytes }) => bytes,
  FlopPerByte: ({ intensity }) => intensity,
  Bound: ({ bound }) => bound,
  MemoryBoundShare: ({ memoryBoundShare }) => memoryBoundShare,
  LinkBytes: ({ linkBytes }) => linkBytes,
  LinkSeconds: ({ linkSeconds }) => linkSeconds,
  IdleShare: ({ idleShare }) => idleShare,
  PredictedSeconds: ({ predicted }) => predicted?.seconds ?? null,
  PredictedLimit: ({ predicted }) => predicted?.limit ?? null,
  PredictedSpread: ({ predicted }) => predicted?.spread ?? null,
};

const POINT_COLUMNS: Columns<Analysis> = {
  devices: ({ devices }) => devices,
  ceilings: ({ roof }) => roof.origin,
  predictionSource: ({ prediction }) => prediction?.source ?? null,
  engineCacheBytes: ({ prediction }) => prediction?.cacheBytes ?? null,
  residentSequences: ({ prediction }) => prediction?.residentSequences ?? null,
  ridgePointFlopPerByte: ({ roof }) => roof.ridgePoint,
  ...Object.fromEntries(
    PHASES.flatMap((phase) =>
      Object.entries(PHASE_COLUMNS).map(([name, of]) => [
        `${phase}${name}`,
        (analysis: Analysis) => of(analysis[phase]),
      ]),
    ),
  ),
  weightsBytes: ({ memory }) => memory.weights,
  kvCacheBytes: ({ memory }) => memory.kvCache,
  activationsBytes: ({ memory }) => memory.activations,
  memoryBytes: ({ memory }) => memory.bytes,
  fits: ({ memory }) => memory.fits,
  generateSeconds: ({ generateSeconds }) => generateSeconds,
  draftSeconds: ({ speculative }) => speculative?.draftSeconds ?? null,
  verifySeconds: ({ speculative }) => speculative?.verifySeconds ?? null,
  expectedTokens: ({ speculative }) => speculative?.expectedTokens ?? null,
  speculativeTokensPerSecond: ({ speculative }) => speculative?.tokensPerSecond ?? null,
};

/** @returns a row for each point, in base units. */
export function pointsCsv(analyses: readonly Analysis[]): string {
  const { head, lines } = linesOf(analyses, POINT_COLUMNS);
  const whole = lines.map((line, i) => [...pointCells(analyses[i]!), ...line]);
  return csvLines([[...POINT_FIELDS, ...head], ...whole]);
}
