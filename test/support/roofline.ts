import type { ThreadFactors } from '../../core/result/factors.js';
import type { RooflineGiven, RooflineRecord } from '../../core/result/roofline-record.js';
import type { RecordRoofs } from '../../core/result/roofs-record.js';
import type { MatrixShape, ModelArchitecture } from '../../core/work/architecture.js';
import { phaseWork } from '../../core/work/phase-work.js';
import { measuredMachine } from '../../roofline/machine-model.js';
import { placePhase } from '../../roofline/placement.js';

const matrix = (inputs: number, outputs: number): MatrixShape => ({
  inputs,
  outputs,
  bits: 16,
  type: 'f16',
  bias: false,
});

/** Two layers of 64, one head pair, small enough to count by hand. */
export const SMALL: ModelArchitecture = {
  family: 'llama',
  embedding: 64,
  vocabulary: 1000,
  contextLength: 4096,
  tied: true,
  layers: [
    {
      count: 2,
      attention: {
        kind: 'dot-product',
        heads: 2,
        kvHeads: 1,
        keyLength: 32,
        valueLength: 32,
        window: null,
        query: matrix(64, 64),
        key: matrix(64, 32),
        value: matrix(64, 32),
        output: matrix(64, 64),
        fused: false,
        sparse: null,
      },
      feedForward: {
        kind: 'gated',
        activation: 'silu',
        fused: false,
        gate: matrix(64, 128),
        up: matrix(64, 128),
        down: matrix(128, 64),
        experts: null,
      },
      norms: { perLayer: 2, onQueryAndKey: false },
    },
  ],
  embeddingBits: 16,
  outputBits: 16,
  outputType: 'f16',
  outputBias: false,
  positions: { kind: 'rotary', length: 32 },
  norm: 'rms',
  vectorBits: 32,
  embeddingScaled: false,
};

/** Round ceilings of one and of two threads: 10 and 16 GB/s of memory, 100 and 200 GFLOP/s. */
export const ROOFS: RecordRoofs = {
  id: '0123456789abcdef',
  measuredAt: '2026-01-01T00:00:00.000Z',
  bandwidth: [1, 2].flatMap((threads) => [
    {
      level: 'memory' as const,
      access: 'read' as const,
      threads,
      bytesPerSecond: threads === 1 ? 10e9 : 16e9,
    },
    { level: 'L3' as const, access: 'read' as const, threads, bytesPerSecond: 20e9 * threads },
    { level: 'L2' as const, access: 'read' as const, threads, bytesPerSecond: 50e9 * threads },
  ]),
  compute: [1, 2].flatMap((threads) => [
    { arithmetic: 'f32' as const, unit: 'matrix' as const, threads, flopsPerSecond: 100e9 * threads },
    { arithmetic: 'int8' as const, unit: 'matrix' as const, threads, flopsPerSecond: 400e9 * threads },
  ]),
  launchSeconds: 1e-6,
  links: [],
  warnings: [],
  caveats: [],
};

const flat = (factor: number) => [{ rows: 1, factor }];

/** An engine that reaches every roof, with nothing besides. */
export const PERFECT: ThreadFactors = {
  threads: 2,
  nodeSeconds: 0,
  streamedNodeSeconds: 0,
  passSeconds: 0,
  logitSecondsPerByte: 0,
  capacityBytes: null,
  steepness: 1,
  products: {
    f16: {
      memory: [{ rows: 1, factor: 1 }],
      compute: flat(1),
      convert: 1e12,
      startSeconds: 0,
      outputSeconds: 0,
      sharpness: 1e6,
    },
  },
  attention: flat(1),
  attentionMemory: 1,
  attentionSharpness: 1e6,
  maskedPair: flat(1e-15),
  elementwise: {
    norm: flat(1e12),
    rope: flat(1e12),
    add: flat(1e12),
    act: flat(1e12),
    store: flat(1e12),
  },
  checks: [],
};

export const GIVEN: RooflineGiven = {
  architecture: SMALL,
  cacheBytes: null,
  threads: 2,
  factors: {
    id: 'fedcba9876543210',
    engine: 'llama.cpp test',
    engineBuild: '0',
    warnings: [],
    factors: PERFECT,
  },
};

/** The block of a record whose phases took so many times what the roofs allow; the decode was profiled. */
export function rooflineOf(times: number): RooflineRecord {
  const machineModel = measuredMachine(ROOFS, { name: 'test', memoryBytes: null }, 2, null)!;
  const workload = { promptTokens: 128, generateTokens: 32, sequences: 1, contextDepth: 0 };
  const phases = phaseWork(SMALL, { threads: 2 }, workload).map((work) => {
    const request = { work, machineModel, factors: PERFECT, profiled: null };
    const measuredSeconds = times * placePhase({ ...request, measuredSeconds: 1 }).roofSeconds;
    const { name, tokens } = work;
    const operators = [
      {
        module: 'mlp' as const,
        operator: 'ffn_up',
        op: 'MUL_MAT',
        calls: 64,
        seconds: 0.7 * measuredSeconds,
      },
      {
        module: 'lm-head' as const,
        operator: 'output',
        op: 'MUL_MAT',
        calls: 32,
        seconds: 0.2 * measuredSeconds,
      },
    ];
    const seconds = { plainSeconds: measuredSeconds, profiledSeconds: measuredSeconds };
    const profiled = name === 'decode' ? { name, tokens, passes: 32, ...seconds, operators } : null;
    return placePhase({ ...request, measuredSeconds, profiled });
  });
  return {
    ceilings: { origin: 'measured', id: ROOFS.id, name: 'test' },
    threads: 2,
    factors: GIVEN.factors!.id,
    phases,
  };
}
