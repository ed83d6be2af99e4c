import { parser } from '@prometheus-io/lezer-promql';

/** What a query stands on. */
export interface QueryParts {
  /** Texts that the parser could not make sense of; empty for PromQL. */
  readonly errors: readonly string[];
  /** Each selector: its metric, and the labels that it asks about. */
  readonly selectors: readonly { readonly metric: string; readonly labels: readonly string[] }[];
  /** Labels that are grouped by or matched on. */
  readonly grouped: readonly string[];
}

/** What Grafana puts in for its own variables, where a test or a check has to. */
export const INTERVALS: Readonly<Record<string, string>> = {
  __rate_interval: '30s',
  __interval: '5s',
  __range: '10m',
};

/** @returns the query with values for `$name` and `${name}`; a name that has none stays. */
export function substitute(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    return values[braced ?? bare ?? ''] ?? INTERVALS[braced ?? bare ?? ''] ?? whole;
  });
}

/** @returns names of the variables that a text uses, Grafana's own left out. */
export function variablesIn(text: string): string[] {
  const names = [...text.matchAll(/\$(?:\{(\w+)\}|(\w+))/g)].map(([, braced, bare]) => braced ?? bare ?? '');
  return names.filter((name) => !(name in INTERVALS));
}

/** Takes a query apart, its variables substituted. */
export function partsOf(expr: string): QueryParts {
  const errors: string[] = [];
  const selectors: { metric: string; labels: string[] }[] = [];
  const grouped: string[] = [];
  const cursor = parser.parse(expr).cursor();
  const text = () => expr.slice(cursor.from, cursor.to);
  /** Ends of the groupings that the cursor is within: a label there is no selector's. */
  let groupingEnd = -1;
  do {
    if (cursor.type.isError) errors.push(text() || `at character ${cursor.from}`);
    if (cursor.name === 'VectorSelector') selectors.push({ metric: '', labels: [] });
    if (cursor.name === 'GroupingLabels') groupingEnd = cursor.to;
    const selector = selectors.at(-1);
    if (cursor.name === 'Identifier' && selector?.metric === '') selector.metric = text();
    if (cursor.name === 'LabelName') {
      if (cursor.from < groupingEnd) grouped.push(text());
      else selector?.labels.push(text());
    }
  } while (cursor.next());
  return { errors, selectors, grouped };
}
