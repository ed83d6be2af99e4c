import { bodiesOf } from '../../core/result/bodies.js';
import type { ResultRecord } from '../../core/result/result.js';
import type { Log } from '../log/log.js';
import { type BodyStore, hexOf } from './store.js';

/** Bytes that each namespace has in the store of bodies, of those that may have so many alone. */
export class BodyUsage {
  readonly #store: BodyStore;
  readonly #namespaceOf: (sweepId: string) => string;
  readonly #most: (namespace: string) => number | null;
  readonly #bytes = new Map<string, number>();
  readonly #counted = new Set<string>();

  /** @param most bytes that a namespace may have; null = as many as it likes. */
  constructor(
    store: BodyStore,
    namespaceOf: (sweepId: string) => string,
    most: (namespace: string) => number | null,
  ) {
    this.#store = store;
    this.#namespaceOf = namespaceOf;
    this.#most = most;
  }

  /** Counts what a record refers to, once for whoever referred to it first. */
  async count(record: Pick<ResultRecord, 'quality' | 'graph' | 'sweep'>): Promise<void> {
    const namespace = this.#namespaceOf(record.sweep.id);
    if (this.#most(namespace) === null) return;
    for (const { digest } of bodiesOf(record)) {
      if (this.#counted.has(digest)) continue;
      this.#counted.add(digest);
      const { bytes = 0 } = (await this.#store.statOf(hexOf(digest) ?? '')) ?? {};
      this.#bytes.set(namespace, (this.#bytes.get(namespace) ?? 0) + bytes);
    }
  }

  /** Counts what a log holds already. */
  async restore(log: Log, signal: AbortSignal): Promise<void> {
    for await (const { fact } of log.read(0, 'row')) {
      if (signal.aborted) return;
      if (fact.fact === 'ResultRecorded') await this.count(fact.record);
    }
  }

  /** @returns why a namespace may bring nothing more; null = it may. */
  refusal(namespace: string): string | null {
    const most = this.#most(namespace);
    if (most === null || (this.#bytes.get(namespace) ?? 0) < most) return null;
    return `The namespace "${namespace}" has brought ${most} bytes of answers and calls, which is its quota (\`bodyBytes\`).`;
  }
}
