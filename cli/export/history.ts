import type { Labels } from '../../core/metrics/families.js';
import { escaped, labelText, numberText } from '../../core/metrics/text.js';

interface Family {
  readonly kind: 'gauge' | 'counter';
  readonly help: string;
  readonly series: Map<string, Map<number, number>>;
}

/** Series with the times at which they had their values, written as OpenMetrics text. */
export class History {
  readonly #families = new Map<string, Family>();
  readonly #labels: Labels;

  /** @param labels that every series gets. */
  constructor(labels: Labels) {
    this.#labels = labels;
  }

  /**
   * Adds a value. One that is added again for the same moment takes the place of the first.
   * @param milliseconds since 1970.
   */
  add(
    metric: { readonly name: string; readonly kind: string; readonly help: string },
    labels: Labels,
    milliseconds: number,
    value: number,
  ): void {
    let family = this.#families.get(metric.name);
    if (family === undefined) {
      family = {
        kind: metric.kind === 'counter' ? 'counter' : 'gauge',
        help: metric.help,
        series: new Map(),
      };
      this.#families.set(metric.name, family);
    }
    const key = labelText({ ...labels, ...this.#labels });
    let series = family.series.get(key);
    if (series === undefined) {
      series = new Map();
      family.series.set(key, series);
    }
    series.set(Math.round(milliseconds), value);
  }

  /** Lines of the text: families together, and the times of each series rising, as the format asks. */
  *lines(): Generator<string> {
    for (const [name, { kind, help, series }] of this.#families) {
      const family = kind === 'counter' ? name.replace(/_total$/, '') : name;
      yield `# HELP ${family} ${escaped(help).replaceAll('"', '\\"')}\n# TYPE ${family} ${kind}\n`;
      for (const [labels, values] of series) {
        for (const [at, value] of [...values].sort(([a], [b]) => a - b)) {
          yield `${name}${labels} ${numberText(value)} ${at / 1000}\n`;
        }
      }
    }
    yield '# EOF\n';
  }
}
