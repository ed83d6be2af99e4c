import type { AxisValue } from '../core/experiment/experiment.js';
import { describeValues } from '../core/sweep/labels.js';
import { type AxisColumn, cellText } from './columns.js';

/**
 * Labels of rows name what differs between them and nothing else: `q8_0 flash=true parallel=4`. Where nothing
 * of a row would be left, it is the model.
 * @param varying the axes on which rows differ.
 * @returns the label of a row, by the values of its axes.
 */
export function rowLabels(
  varying: readonly AxisColumn[],
): (point: Readonly<Record<string, AxisValue>>) => string {
  const columns = new Map(varying.map((axis) => [axis.name, axis]));
  const shown = new Set(columns.keys());
  const names = shortNames([...shown]);
  const written = {
    name: (name: string) => names.get(name) ?? name,
    text: (name: string, value: AxisValue): AxisValue => {
      const column = columns.get(name);
      return column === undefined ? value : cellText(column, value);
    },
  };
  return (point) => describeValues(point, shown, written) || String(point.model ?? '');
}

/**
 * @returns for each name its first word, `flashAttention` → `flash`, where no other begins with it; else the
 *   whole name.
 */
export function shortNames(names: readonly string[]): Map<string, string> {
  const first = (name: string) => /^[a-z]+(?=[A-Z])/.exec(name)?.[0] ?? name;
  const beginnings = names.map(first);
  const isUnique = (beginning: string) => beginnings.filter((other) => other === beginning).length === 1;
  return new Map(names.map((name) => [name, isUnique(first(name)) ? first(name) : name]));
}
