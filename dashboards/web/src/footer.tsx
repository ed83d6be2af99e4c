import { intervalLegend } from '../../../report/interval-legend.js';
import type { Report } from '../../../report/report.js';
import { MARKS, signsOf } from '../../../report/rows.js';
import type { Details } from '../../../report/trim.js';

/** What a reader must know before quoting a number: warnings, absences, and what this page left out. */
export function Footer({ report, details }: { report: Report; details: Details }) {
  const left = trimmed(details);
  // What the sweep did not ask for is not missed.
  const absences = report.absences.filter((absence) => absence.missed);
  return (
    <footer class="notes">
      {report.notes.length > 0 && (
        <section aria-labelledby="warnings">
          <h2 id="warnings">Warnings</h2>
          <ul>
            {report.notes.map((note) => (
              <li key={note.code}>
                <span class={`code ${note.severity}`}>{note.code}</span>
                <span>
                  {note.help}
                  {note.everywhere
                    ? '; every row'
                    : `; ${note.rows.length} ${note.rows.length === 1 ? 'row' : 'rows'}`}
                  {note.severity === 'invalid' && ', which must not be compared'}
                  {note.severity === 'disturbed' && ', which counts'}
                  {!note.everywhere && <span class="quiet"> ({rowList(note.rows)})</span>}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {absences.length > 0 && (
        <section aria-labelledby="absent">
          <h2 id="absent">Not measured</h2>
          <ul>
            {absences.map((absence) => (
              <li key={absence.reason}>
                <span class="code">{absence.what}</span>
                <span>{absence.reason}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section aria-labelledby="about">
        <h2 id="about">How to read this</h2>
        <p>
          A number is what the starts of an experiment say together, each the median of its repeats. Behind
          it:{' '}
          {intervalLegend(report.rows, report.metrics, report.levels) ?? 'nothing, for no interval is known'}.
          ± where both sides are alike, else its ends.
          {signsOf(report.rows, report.metrics).map((sign) => ` ${sign} ${MARKS[sign]}.`)} Rows that are
          invalid or failed never stand on the front.
        </p>
        {left !== '' && <p>{left} The stored records hold everything.</p>}
      </section>
    </footer>
  );
}

function trimmed({ tokenSeconds, samples }: Details): string {
  const parts: string[] = [];
  if (tokenSeconds === 0) parts.push('the times between tokens come when a row is ticked');
  else if (tokenSeconds !== 'all')
    parts.push(`the times between tokens are kept as ${tokenSeconds} quantiles per row`);
  if (samples === 0) parts.push('the readings of the meters are left out');
  else if (samples !== 'all') parts.push(`the readings of the meters are thinned to ${samples} per series`);
  return parts.length === 0 ? '' : `To keep this file small, ${parts.join(' and ')}.`;
}

function rowList(rows: readonly number[]): string {
  const shown = rows.slice(0, 12).map((n) => `#${n}`);
  return rows.length > 12 ? `${shown.join(' ')} and ${rows.length - 12} more` : shown.join(' ');
}
