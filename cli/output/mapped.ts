import { EXPORT_MAPPINGS, type MappedFormat } from '../../report/mappings/index.js';
import type { ExportMapping } from '../../report/mappings/mapping.js';
import { spreadOf } from '../../report/quoted.js';
import type { Report } from '../../report/report.js';
import type { Row } from '../../report/rows.js';
import type { Exporter } from './exporter.js';

/**
 * Results under another tool's names, each name with what it means: no number of ours is taken for one of
 * theirs.
 */
export function mappedExporter(format: MappedFormat): Exporter {
  const mapping: ExportMapping = EXPORT_MAPPINGS[format];
  return (report) => ({
    text: `${JSON.stringify(documentOf(format, mapping, report), null, 2)}\n`,
    notes: [],
  });
}

function documentOf(format: MappedFormat, { tool, about, fields }: ExportMapping, report: Report) {
  return {
    schema: `ridgepoint.dev/${format.replace(/-json$/, '')}/v1`,
    sweep: report.sweepName,
    tool,
    about,
    words: Object.fromEntries(fields.map(({ name, unit, meaning }) => [name, { unit, meaning }])),
    rows: report.rows.map((row) => ({
      experiment: row.experimentId,
      label: row.label,
      axes: row.axes,
      state: row.state,
      grade: row.grade,
      source: spreadOf(row, 'energyJoules')?.source ?? null,
      warnings: row.warnings.map(({ code }) => code),
      ...mappedValues(row, fields),
    })),
  };
}

/** Values by name; those that are missing with their reason, never 0; spreads over the repeats. */
function mappedValues(row: Row, words: ExportMapping['fields']) {
  const said = words.map(({ name, mappedValue }) => [name, mappedValue(row)] as const);
  return {
    values: Object.fromEntries(said.map(([name, { value }]) => [name, value])),
    spread: Object.fromEntries(said.flatMap(([name, one]) => ('spread' in one ? [[name, one.spread]] : []))),
    missing: Object.fromEntries(said.flatMap(([name, one]) => ('reason' in one ? [[name, one.reason]] : []))),
  };
}
