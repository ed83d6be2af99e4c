import type { OperatorCall } from '../operator-call.js';
import {
  type Arithmetic,
  type KernelCall,
  type Module,
  NO_TRAFFIC,
  type OperatorClass,
  type OperatorWork,
  type Traffic,
} from '../work.js';
import type { AskedKernels, SequenceGroup } from './setting.js';

/** An operator as a formula gives it: what is left out is 0, and it runs once. */
export interface Counted {
  readonly name: string;
  readonly module: Module;
  readonly class: OperatorClass;
  readonly arithmetic: Arithmetic;
  readonly weights?: string | undefined;
  readonly flops?: number;
  readonly traffic?: Partial<Traffic>;
  readonly linkBytes?: number;
  readonly maskedPairs?: number;
  readonly kernelCalls?: readonly KernelCall[] | undefined;
}

/** @returns the operator in one layer. */
export function operator(counted: Counted): OperatorWork {
  const { flops = 0, traffic, linkBytes = 0, weights, kernelCalls, ...rest } = counted;
  return {
    ...rest,
    ...(weights === undefined ? {} : { weights }),
    ...(kernelCalls === undefined ? {} : { kernelCalls }),
    calls: 1,
    flops,
    traffic: { ...NO_TRAFFIC, ...traffic },
    linkBytes,
  };
}

/** @returns the operator in so many layers alike. */
export function repeated(work: OperatorWork, layers: number): OperatorWork {
  return {
    ...work,
    calls: work.calls * layers,
    flops: work.flops * layers,
    traffic: mapTraffic(work.traffic, (bytes) => bytes * layers),
    linkBytes: work.linkBytes * layers,
    ...(work.maskedPairs === undefined ? {} : { maskedPairs: work.maskedPairs * layers }),
    ...(work.kernelCalls === undefined
      ? {}
      : { kernelCalls: work.kernelCalls.map((one) => ({ ...one, times: one.times * layers })) }),
  };
}

/**
 * Adds up what has the same name, arithmetic and type of weights, in the order of first appearance; calls of
 * kernels that differ stay apart.
 */
export function merged(operators: readonly OperatorWork[]): OperatorWork[] {
  const found = new Map<string, OperatorWork>();
  for (const one of operators) {
    const key = kindOf(one);
    const before = found.get(key);
    found.set(key, before === undefined ? one : summed(before, one));
  }
  return [...found.values()];
}

/** @returns what operators have in common that are added up. */
export function kindOf({ module, name, class: kind, arithmetic, weights = '' }: OperatorWork): string {
  return [module, name, kind, arithmetic, weights].join(' ');
}

/** @returns two operators of one kind as one. */
export function summed(a: OperatorWork, b: OperatorWork): OperatorWork {
  return {
    ...a,
    calls: a.calls + b.calls,
    flops: a.flops + b.flops,
    traffic: mapTraffic(a.traffic, (bytes, kind) => bytes + b.traffic[kind]),
    linkBytes: a.linkBytes + b.linkBytes,
    ...(a.maskedPairs === undefined ? {} : { maskedPairs: a.maskedPairs + (b.maskedPairs ?? 0) }),
    ...(a.kernelCalls === undefined
      ? {}
      : { kernelCalls: b.kernelCalls && joined(a.kernelCalls, b.kernelCalls) }),
  };
}

/** Calls of the same shape as one, others side by side. */
function joined(a: readonly KernelCall[], b: readonly KernelCall[]): readonly KernelCall[] {
  if (b.length === 0) return a;
  const found = new Map<string, KernelCall>();
  for (const one of [...a, ...b]) {
    const key = `${one.follows} ${JSON.stringify(one.call)}`;
    const before = found.get(key);
    found.set(key, before === undefined ? one : { ...before, times: before.times + one.times });
  }
  return [...found.values()];
}

/** @returns one call of a kernel; undefined where no kernels are asked about. */
export function calling(
  { kernels }: AskedKernels,
  call: OperatorCall,
  follows: KernelCall['follows'] = 'tokens',
): readonly KernelCall[] | undefined {
  return kernels === null ? undefined : [{ call, times: 1, follows }];
}

/** @returns what kernels call sequences that compute so many tokens each. */
export function phaseOf({ newTokens }: SequenceGroup): 'prefill' | 'decode' {
  return newTokens === 1 ? 'decode' : 'prefill';
}

/**
 * @returns that an operator runs inside the kernel of another; undefined where no kernels are asked about.
 */
export function insideOther({ kernels }: AskedKernels): readonly KernelCall[] | undefined {
  return kernels === null ? undefined : [];
}

function mapTraffic(traffic: Traffic, map: (bytes: number, kind: keyof Traffic) => number): Traffic {
  return {
    weightsRead: map(traffic.weightsRead, 'weightsRead'),
    cacheRead: map(traffic.cacheRead, 'cacheRead'),
    cacheWritten: map(traffic.cacheWritten, 'cacheWritten'),
    activationsRead: map(traffic.activationsRead, 'activationsRead'),
    activationsWritten: map(traffic.activationsWritten, 'activationsWritten'),
  };
}
