import { useMemo } from 'preact/hooks';
import { groupBy } from '../../../../core/maps.js';
import type { Row } from '../../../../report/rows.js';
import { WAY_HEADS, type WayTable, wayCells, waysOf, wayTitle } from '../../../../report/ways.js';
import { type PlotData, PlotFrame } from '../charts/frame.js';
import { Heads, numberHead } from '../heads.js';

/** What each way of asking gave and took, row by row; nothing where each task is asked in one way. */
export function Ways({ rows, sweepName }: { readonly rows: readonly Row[]; readonly sweepName: string }) {
  const tables = useMemo(() => waysOf(rows), [rows]);
  return tables.map((table) => (
    <PlotFrame
      key={table.task}
      id={`ways-${table.task}`}
      title="Ways of asking"
      kind="ways"
      note={wayTitle(table)}
      file={`${sweepName}-${table.task}-ways`}
      drawn="numbers"
      data={() => dataOf(table)}
    >
      <Lines table={table} />
    </PlotFrame>
  ));
}

function Lines({ table }: { readonly table: WayTable }) {
  const best = Math.max(...table.lines.map(({ score }) => score.value));
  return (
    <div class="sideways">
      <table class="measurements ways">
        <Heads of={[WAY_HEADS[0], ...WAY_HEADS.slice(1).map(numberHead)]} />
        {[...groupBy(table.lines, ({ row }) => row.experimentId)].map(([id, lines]) => (
          <tbody key={id}>
            <tr>
              <th scope="rowgroup" colSpan={WAY_HEADS.length}>
                {lines[0]!.row.label}
              </th>
            </tr>
            {lines.map((line) => {
              const [way, ...cells] = wayCells(line);
              return (
                <tr key={way} class={line.score.value === best ? 'best' : ''}>
                  <th scope="row">{way}</th>
                  {cells.map((cell, i) => (
                    <td key={WAY_HEADS[i + 1]} class="number">
                      {cell}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        ))}
      </table>
    </div>
  );
}

const dataOf = ({ lines }: WayTable): PlotData => ({
  head: ['row', 'way', 'score', 'standardError', 'gain', 'tokensIn', 'tokensOut', 'seconds'],
  lines: lines.map(({ row, way, score, gain, tokensIn, tokensOut, seconds }) => [
    ...[row.label, way, score.value, score.standardError, gain],
    ...[tokensIn, tokensOut, seconds],
  ]),
});
