import type { ResultRecord } from '../../core/result/result.js';
import type { Report } from '../report.js';

/** Where and when all trials ran. */
export class RunSummary {
  readonly #nodes = new Set<string>();
  readonly #devices = new Set<string>();
  readonly #engines = new Set<string>();
  trials = 0;
  /** ISO 8601; null without records. */
  startedAt: string | null = null;
  endedAt: string | null = null;

  add(record: ResultRecord): void {
    const { node, device, startedAt, endedAt } = record;
    this.trials += 1;
    this.#nodes.add(node.name);
    this.#devices.add(device.name);
    const engine = engineOf(record);
    if (engine !== null) this.#engines.add(engine);
    if (this.startedAt === null || startedAt < this.startedAt) this.startedAt = startedAt;
    if (this.endedAt === null || endedAt > this.endedAt) this.endedAt = endedAt;
  }

  get place(): Report['place'] {
    return { nodes: [...this.#nodes], devices: [...this.#devices], engines: [...this.#engines] };
  }
}

/** @returns the engine release a trial ran on, or null when its record does not say. */
export function engineOf(record: ResultRecord): string | null {
  const engine = record.environment.engine;
  return typeof engine === 'string' ? engine : null;
}
