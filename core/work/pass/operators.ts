import {
  type Arithmetic,
  type Module,
  NO_TRAFFIC,
  type OperatorClass,
  type OperatorWork,
  type Traffic,
} from '../work.js';

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
}

/** @returns the operator in one layer. */
export function operator({ flops = 0, traffic, linkBytes = 0, weights, ...rest }: Counted): OperatorWork {
  return {
    ...rest,
    ...(weights === undefined ? {} : { weights }),
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
  };
}

/** Adds up what has the same name, arithmetic and type of weights, in the order of first appearance. */
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
  };
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
