import { Gauge, type OpenMetricsContentType, Registry } from 'prom-client';
import { METRICS } from '../../core/metrics/catalogue.js';
import { RESULT_LABELS } from '../../core/metrics/exported.js';
import { type Family, familiesOf } from '../../core/metrics/families.js';
import { quotedOf } from '../../report/quoted.js';
import { addSeries, type MetricRegistry } from './defined.js';
import { InfoGauge, infoLabels } from './info.js';
import { addIntervals } from './intervals.js';
import { resultLabels } from './labels.js';
import { addFleet, addProgress } from './progress.js';
import { addRankings } from './ranking.js';
import type { Snapshot } from './snapshot.js';
import { Trials } from './trials.js';

/**
 * Everything that a coordinator exports, as one registry of its own: two coordinators of a process are apart.
 */
export class Exposition {
  readonly trials: Trials;
  readonly #registry: MetricRegistry;

  constructor(version: string, snapshot: () => Snapshot) {
    const registry = new Registry<OpenMetricsContentType>();
    // Only so that prom-client keeps exemplars; the text is not its own.
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.#registry = registry;
    for (const definition of METRICS) {
      const gauge = new Gauge({
        name: `ridgepoint_${definition.prometheus}`,
        help: definition.help,
        labelNames: RESULT_LABELS,
        registers: [registry],
        collect() {
          gauge.reset();
          for (const { record } of snapshot().results) {
            // A missing measurement is an absent series, never 0.
            const quoted = quotedOf({ trial: record }, definition.name);
            if (quoted !== null) gauge.set(resultLabels(record), quoted.value);
          }
        },
      });
    }
    const info = () => {
      const { results, names } = snapshot();
      return results.map(({ record }) => infoLabels(record, names.get(record.sweep.id)));
    };
    registry.registerMetric(new InfoGauge(info));
    addIntervals(registry, () => snapshot().results);
    addRankings(registry, () => snapshot().results);
    addProgress(registry, snapshot);
    addFleet(registry, snapshot);
    addSeries(registry, { ridgepoint_build_info: () => [[{ version }, 1]] });
    this.trials = new Trials(registry);
  }

  /** Every family, also those without a series now. */
  async families(): Promise<Family[]> {
    return familiesOf(await this.#registry.getMetricsAsJSON());
  }
}
