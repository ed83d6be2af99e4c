import type { MetricColumn } from '../../../../report/columns.js';
import type { Report } from '../../../../report/report.js';
import { SERIES } from './palette.js';

interface PickerProps {
  readonly label: string;
  readonly value: string;
  /** Values, and what the reader sees of each. */
  readonly options: readonly (readonly [string, string])[];
  onPick(value: string): void;
}

/** One of several, with its label. */
export function Picker({ label, value, options, onPick }: PickerProps) {
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={(event) => onPick(event.currentTarget.value)}>
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

/** @returns metrics as a picker offers them: by label. */
export function metricOptions(metrics: readonly MetricColumn[]): [string, string][] {
  return metrics.map(({ name, label }) => [name, label]);
}

interface ColourProps {
  readonly report: Report;
  /** Name of an axis; empty where all points are alike. */
  readonly value: string;
  onPick(name: string): void;
}

/** Which axis the colour of a point tells: one whose values can be told apart by colours and their shades. */
export function Colour({ report, value, onPick }: ColourProps) {
  const axes = report.axes.filter((axis) => axis.values.length <= SERIES * 2);
  return (
    <Picker
      label="Colour"
      value={value}
      options={[['', 'one'], ...axes.map(({ name }) => [name, name] as const)]}
      onPick={onPick}
    />
  );
}

interface CheckProps {
  readonly label: string;
  /** Where the label alone does not say what is switched. */
  readonly title?: string;
  readonly on: boolean;
  onSwitch(on: boolean): void;
}

/** Something that is on or off. */
export function Check({ label, title, on, onSwitch }: CheckProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        aria-label={title}
        checked={on}
        onChange={(event) => onSwitch(event.currentTarget.checked)}
      />
      {label}
    </label>
  );
}
