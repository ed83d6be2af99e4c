import { METRICS } from '../../../../core/metrics/catalogue.js';
import type { ResultRecord } from '../../../../core/result/result.js';
import { notApplicable } from '../../../../judgement/not-applicable.js';
import { quotedOf, reasonOf, spreadOf, spreadText } from '../../../../report/quoted.js';
import { halfOf, metricScale, scaled } from '../../../../report/scale.js';
import { Heads, numberHead } from '../heads.js';

/** Every measurement of a trial; what was asked for and is missing says why. */
export function Measurements({ trial }: { trial: ResultRecord }) {
  const row = { trial };
  const present = METRICS.filter(({ name }) => quotedOf(row, name) !== null);
  const missing = METRICS.filter(({ name }) => {
    const reason = name in trial.measurements ? reasonOf(row, name) : null;
    return reason !== null && notApplicable(reason) === null;
  });
  return (
    <section>
      <h3>Measurements</h3>
      {present.length > 0 && (
        <table class="measurements">
          <Heads of={['metric', ...['value', '95 % interval', 'cv', 'n'].map(numberHead)]} />
          <tbody>
            {present.map((metric) => {
              const [quoted, spread] = [quotedOf(row, metric.name), spreadOf(row, metric.name)];
              if (quoted === null || spread === null) return null;
              const { value, interval } = quoted;
              const scale = metricScale(metric.name, [value], interval === null ? [] : [halfOf(interval)]);
              return (
                <tr key={metric.name}>
                  <th scope="row" title={metric.help}>
                    {metric.name}
                    {spread.source !== null && <span class="quiet"> {spread.source}</span>}
                  </th>
                  <td class="number">
                    {scaled(value, scale)} <span class="quiet">{scale.unit}</span>
                  </td>
                  <td class="number">
                    {interval === null
                      ? spreadText(quoted, scale)
                      : `${scaled(interval[0], scale)} … ${scaled(interval[1], scale)}`}
                  </td>
                  <td class="number">{spread.cv !== null && `${(spread.cv * 100).toFixed(1)} %`}</td>
                  <td class="number">{spread.n}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {missing.length > 0 && (
        <dl class="pairs missing">
          {missing.map(({ name }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{reasonOf(row, name)}</dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}
