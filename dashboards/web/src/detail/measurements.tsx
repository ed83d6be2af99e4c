import { METRICS } from '../../../../core/metrics/catalogue.js';
import type { ResultRecord } from '../../../../core/result/result.js';
import { notApplicable } from '../../../../judgement/not-applicable.js';
import { halfOf, metricScale, scaled } from '../../../../report/scale.js';
import { Heads, numberHead } from '../heads.js';

/** Every measurement of a trial; what was asked for and is missing says why. */
export function Measurements({ trial }: { trial: ResultRecord }) {
  const known = METRICS.filter((m) => trial.measurements[m.name] !== undefined);
  const present = known.filter((m) => trial.measurements[m.name]?.value !== null);
  const missing = known.filter((m) => {
    const entry = trial.measurements[m.name];
    return entry?.value === null && notApplicable(entry.reason) === null;
  });
  return (
    <section>
      <h3>Measurements</h3>
      {present.length > 0 && (
        <table class="measurements">
          <Heads of={['metric', ...['value', '95 % interval', 'cv', 'n'].map(numberHead)]} />
          <tbody>
            {present.map((metric) => {
              const entry = trial.measurements[metric.name];
              if (entry === undefined || entry.value === null) return null;
              const { ci95 } = entry;
              const scale = metricScale(metric.name, [entry.value], ci95 === null ? [] : [halfOf(ci95)]);
              return (
                <tr key={metric.name}>
                  <th scope="row" title={metric.help}>
                    {metric.name}
                    {entry.source !== null && <span class="quiet"> {entry.source}</span>}
                  </th>
                  <td class="number">
                    {scaled(entry.value, scale)} <span class="quiet">{scale.unit}</span>
                  </td>
                  <td class="number">
                    {entry.ci95 !== null &&
                      `${scaled(entry.ci95[0], scale)} … ${scaled(entry.ci95[1], scale)}`}
                  </td>
                  <td class="number">{entry.cv !== null && `${(entry.cv * 100).toFixed(1)} %`}</td>
                  <td class="number">{entry.n}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {missing.length > 0 && (
        <dl class="pairs missing">
          {missing.map((metric) => {
            const entry = trial.measurements[metric.name];
            return (
              <div key={metric.name}>
                <dt>{metric.name}</dt>
                <dd>{entry?.value === null ? entry.reason : ''}</dd>
              </div>
            );
          })}
        </dl>
      )}
    </section>
  );
}
