import type { AxisColumn, MetricColumn } from '../../../../report/columns.js';
import type { ResultsProps } from './results.js';

interface HeadProps extends Pick<ResultsProps, 'sort' | 'onSort'> {
  readonly axes: readonly AxisColumn[];
  readonly metrics: readonly MetricColumn[];
  /** A row's name and its numbers come first, what it is made of after them. */
  readonly narrow: boolean;
}

interface Shown {
  readonly unit?: string;
  readonly numeric?: boolean;
  readonly better?: string | null;
}

/** The heading: a button for each column that rows can be sorted by. */
export function TableHead({ axes, metrics, narrow, sort, onSort }: HeadProps) {
  const column = (key: string, label: string, help: string, { unit, numeric, better }: Shown = {}) => {
    const on = sort.key === key;
    const next = () => onSort({ key, descending: on ? !sort.descending : better === 'max' });
    return (
      <th
        key={key}
        scope="col"
        class={numeric ? 'number' : ''}
        aria-sort={on ? (sort.descending ? 'descending' : 'ascending') : 'none'}
      >
        <button type="button" onClick={next} title={help}>
          <span class="name">{label}</span>
          <span class="unit">{unit ?? ''}</span>
        </button>
      </th>
    );
  };
  const axisHeads = axes.map(({ name, numeric }) =>
    column(`axis:${name}`, name, `Axis ${name}`, { numeric }),
  );
  const pickHead = (
    <th scope="col">
      <span class="unseen">Compare</span>
    </th>
  );
  return (
    <thead>
      <tr aria-rowindex={1}>
        {narrow ? (
          column('number', 'row', 'Place in the sweep, and what differs')
        ) : (
          <>
            {pickHead}
            {column('number', '#', 'Place in the sweep', { numeric: true })}
            {axisHeads}
          </>
        )}
        {metrics.map(({ name, label, scale, help, better }) =>
          column(`metric:${name}`, label, help, { unit: scale.unit, numeric: true, better }),
        )}
        {narrow && axisHeads}
        <th scope="col" class="warning-codes">
          <span>warnings</span>
        </th>
        {narrow && pickHead}
      </tr>
    </thead>
  );
}

interface ColumnsProps extends Pick<HeadProps, 'axes' | 'narrow'> {
  /** Of all rows, whose numbers have to fit. */
  readonly rowCount: number;
  readonly metrics: readonly MetricColumn[];
  /** Of each metric, in characters. */
  readonly widths: readonly number[];
}

/** How wide each column is. */
export function Columns({ axes, metrics, narrow, rowCount, widths }: ColumnsProps) {
  const axisCols = axes.map(({ name, texts }) => (
    <col
      key={name}
      style={{
        width: `${Math.max(name.length + 3, ...texts.map((text) => Math.min(30, text.length) + 3))}ch`,
      }}
    />
  ));
  return (
    <colgroup>
      {narrow ? (
        <col class="row-name" />
      ) : (
        <>
          <col style={{ width: '2.4rem' }} />
          <col style={{ width: `${String(rowCount).length + 8}ch` }} />
          {axisCols}
        </>
      )}
      {metrics.map((m, i) => (
        <col key={m.name} style={{ width: `${widths[i]}ch` }} />
      ))}
      {narrow && axisCols}
      <col class="warning-codes" />
      {narrow && <col style={{ width: '2.4rem' }} />}
    </colgroup>
  );
}
