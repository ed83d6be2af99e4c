import { Gauge } from 'prom-client';
import type { ResultRecord } from '../../core/result/result.js';
import { axisValues, NAME, nameOf, type PointName } from '../../core/sweep/labels.js';
import { settings } from './defined.js';
import { labelText } from './labels.js';

/**
 * `ridgepoint_experiment_info{experiment, flash_attention, …} 1`: what an experiment id stands for. Its
 * labels are the axes of each experiment, which differ from runner to runner; a plain Gauge wants one list
 * for all.
 */
export class InfoGauge extends Gauge {
  readonly #series: () => Record<string, string>[];

  constructor(series: () => Record<string, string>[]) {
    const { name, help } = settings('ridgepoint_experiment_info');
    super({ name, help, registers: [] });
    this.#series = series;
  }

  override async get(): ReturnType<Gauge['get']> {
    const described = await super.get();
    return { ...described, values: this.#series().map((labels) => ({ labels, value: 1 })) };
  }
}

/**
 * @param names of its sweep.
 * @returns the axes of a record's experiment as labels: `flashAttention` → `flash_attention`, and its name;
 *   unset ones left out.
 */
export function infoLabels(record: ResultRecord, names: readonly PointName[] = []): Record<string, string> {
  const values = axisValues(record.experiment);
  const axes = Object.entries({ [NAME]: nameOf(names, values)?.name ?? null, ...values })
    .filter(([name, value]) => value !== null && name !== 'node')
    .map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      labelText(value),
    ]);
  return { experiment: record.experimentId, ...Object.fromEntries(axes) };
}
