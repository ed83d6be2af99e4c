import type { Report } from '../../../../core/report/report.js';

/** @returns the metrics that are columns before the reader chooses. */
export function defaultColumns(report: Report): string[] {
  return report.metrics.filter((m) => m.shown).map((m) => m.name);
}

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
        <button type="button" class="plain" onClick={() => onColumns(defaultColumns(report))}>
          Reset
        </button>
      </div>
    </details>
  );
}
