import { type BasicType, parquetWriteBuffer } from 'hyparquet-writer';
import type { Report } from '../../../report/report.js';
import { METRIC_COLUMNS, type RowColumn, rowColumns } from '../../../report/row-columns.js';
import { writeWhole } from '../run-folder.js';
import type { FileExporter } from './index.js';

const TYPES: Readonly<Record<RowColumn['kind'], BasicType>> = {
  text: 'STRING',
  integer: 'INT32',
  number: 'DOUBLE',
  flag: 'BOOLEAN',
  time: 'TIMESTAMP',
};

/** The table of the CSV with the types of its columns; what is missing is null. */
export const parquet: FileExporter = {
  unit: 'file',
  place: 'a file (rows.parquet)',
  async write(report, path) {
    writeWhole(path, new Uint8Array(parquetBytes(report)));
    const { length } = report.rows;
    return `wrote ${path}: ${length} ${length === 1 ? 'row' : 'rows'}`;
  },
};

function parquetBytes(report: Report): ArrayBuffer {
  const columns = [...rowColumns(report), ...METRIC_COLUMNS];
  return parquetWriteBuffer({
    columnData: columns.map(({ name, kind, cellOf }) => ({
      name,
      type: TYPES[kind],
      nullable: true,
      data: report.rows.map((row) => {
        const value = cellOf(row);
        if (value === null) return null;
        if (kind === 'time') return new Date(String(value));
        return kind === 'text' ? String(value) : value;
      }),
    })),
    createdBy: 'ridgepoint',
  });
}
