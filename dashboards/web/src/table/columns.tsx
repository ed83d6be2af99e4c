import { COLUMN_SETS, type ColumnSet } from '../../../../report/column-sets.js';
import type { Report } from '../../../../report/report.js';
import { columnsOfSet } from './column-sets.js';

/** @returns the metrics that are columns before the reader chooses. */
export function defaultColumns(report: Report): string[] {
  return report.metrics.filter((m) => m.shown).map((m) => m.name);
}

/** Of the sets that are not called as the reader types them. */
const SET_NAMES: Readonly<Partial<Record<ColumnSet, string>>> = {
  default: 'Usual',
  efficientllm: 'EfficientLLM',
};
const nameOf = (set: ColumnSet) => SET_NAMES[set] ?? set.charAt(0).toUpperCase() + set.slice(1);

interface ChooserProps {
  readonly report: Report;
  readonly columns: readonly string[];
  onColumns(columns: string[]): void;
}

/** Which metrics are columns; every one that has a number anywhere is offered. */
export function ColumnChooser({ report, columns, onColumns }: ChooserProps) {
  const set = (name: string, on: boolean) => {
    onColumns(report.metrics.map((m) => m.name).filter((n) => (n === name ? on : columns.includes(n))));
  };
  return (
    <details class="chooser">
      <summary>Columns</summary>
      <div class="sheet">
        <p class="sets">
          {COLUMN_SETS.map((set) => {
            const names = columnsOfSet(report, set);
            if (names.length === 0) return null;
            return (
              <button key={set} type="button" class="plain" onClick={() => onColumns(names)}>
                {nameOf(set)}
              </button>
            );
          })}
        </p>
        {report.metrics.map((metric) => (
          <label key={metric.name} title={metric.help}>
            <input
              type="checkbox"
              checked={columns.includes(metric.name)}
              onChange={(event) => set(metric.name, event.currentTarget.checked)}
            />
            {metric.label}
            {metric.scale.unit !== '' && <span class="quiet"> {metric.scale.unit}</span>}
          </label>
        ))}
      </div>
    </details>
  );
}
