import { useContext, useMemo } from 'preact/hooks';
import type { ResultRecord } from '../../../../core/result/result.js';
import { sloText } from '../../../../core/serving/slo.js';
import { quantity, tick } from '../../../../report/scale.js';
import { CURVE_SHARES, type RequestLine, type ServedView, servedView } from '../../../../report/served.js';
import { ChartView } from '../charts/chart.js';
import { type PlotData, PlotFrame } from '../charts/frame.js';
import { Heads } from '../heads.js';
import { ServedViews } from '../served-views.js';
import type { Theme } from '../theme.js';
import { servedOption } from './served-option.js';

/** Lines of the time line, where the page has the requests themselves. */
const LINES = 300;

interface ServedProps {
  readonly trial: ResultRecord;
  readonly number: number;
  /** Of the row; what is shown is of the first of them. */
  readonly starts: number;
  readonly theme: Theme;
}

/** What a server did under load, request by request: when, how fast, whether steadily, and what failed. */
export function Served({ trial, number, starts, theme }: ServedProps) {
  const views = useContext(ServedViews);
  const view = useMemo(() => views?.[trial.trialId] ?? servedView(trial, LINES), [views, trial]);
  if (view === null) return null;
  return (
    <>
      <TimeLine view={view} number={number} of={starts} />
      <Curves view={view} number={number} theme={theme} />
      <Loras loras={view.loras} />
      <Generator generator={view.generator} />
      <Failures view={view} />
    </>
  );
}

const HEIGHT = 300;

function TimeLine({ view, number, of }: { view: ServedView; number: number; of: number }) {
  const { lines, requests, seconds, steady, skippedTurns } = view;
  const some = lines.length < requests ? `${lines.length} of ${requests}` : String(requests);
  const paths = useMemo(() => pathsOf(lines, seconds), [lines, seconds]);
  const { window } = steady;
  const x = (at: number) => (1000 * at) / (seconds || 1);
  return (
    <PlotFrame
      id="served"
      title="Requests"
      level={3}
      note={`${some} requests${of > 1 ? ` of the first of ${of} starts` : ''}, a line each`}
      file={`row-${number}-requests`}
      drawn="numbers"
      data={() => ({ head: ['intended', 'dispatched', 'firstToken', 'done', 'outcome'], lines })}
    >
      <svg
        class="requests"
        viewBox={`0 0 1000 ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Time line of ${some} requests over ${quantity(seconds, 's')}`}
      >
        {window !== null && (
          <rect
            class="steady"
            x={x(window.fromSeconds)}
            width={x(window.toSeconds - window.fromSeconds)}
            y="0"
            height={HEIGHT}
          />
        )}
        {Object.entries(paths).map(([name, path]) => (
          <path key={name} class={name} d={path} style={{ strokeWidth: widthOf(lines.length) }} />
        ))}
      </svg>
      <p class="ends">
        <span>0</span>
        <span>{tick(seconds, 's')}</span>
      </p>
      <ul class="key requests-key">
        {KEYS.map(([name, meaning]) => (
          <li key={name}>
            <i class={name} />
            {meaning}
          </li>
        ))}
      </ul>
      <p class="steady-verdict">{steady.text}</p>
      {steady.capped && (
        <p class="quiet">
          Half of the run was left out as warm-up, and it was not over: what is unlike the second half counts
          as warm-up.
        </p>
      )}
      {skippedTurns > 0 && (
        <p class="quiet">{skippedTurns} turns were not sent because one before them failed.</p>
      )}
    </PlotFrame>
  );
}

const KEYS = [
  ['late', 'meant to start'],
  ['waiting', 'sent, no token yet'],
  ['answering', 'tokens come'],
  ['failed', 'failed'],
] as const;
type Stretch = (typeof KEYS)[number][0];

const widthOf = (lines: number) => `${Math.max(1, Math.min(6, (0.7 * HEIGHT) / lines))}px`;

/** Four paths for all requests: an element for each stretch of each would be a thousand. */
function pathsOf(lines: readonly RequestLine[], seconds: number): Record<Stretch, string> {
  const paths: Record<Stretch, string> = { late: '', waiting: '', answering: '', failed: '' };
  const x = (at: number) => ((1000 * at) / (seconds || 1)).toFixed(2);
  for (const [i, [intended, dispatched, firstToken, done, outcome]] of lines.entries()) {
    const y = (((i + 0.5) * HEIGHT) / lines.length).toFixed(2);
    const draw = (name: Stretch, from: number | null, to: number | null) => {
      if (from !== null && to !== null) paths[name] += `M${x(from)} ${y}H${x(to)}`;
    };
    const end = done ?? seconds;
    draw('late', intended, dispatched);
    if (outcome !== 'complete') draw('failed', dispatched ?? intended, end);
    else {
      draw('waiting', dispatched, firstToken ?? end);
      draw('answering', firstToken, end);
    }
  }
  return paths;
}

function Curves({ view, number, theme }: { view: ServedView; number: number; theme: Theme }) {
  const option = useMemo(() => servedOption(view), [view, theme]);
  if (view.curves.length === 0) return null;
  return (
    <PlotFrame
      id="served-latency"
      title="Latencies"
      level={3}
      note="share of requests within so long; scheduled counts from when it was meant to start"
      file={`row-${number}-latencies`}
      data={() => curveData(view)}
    >
      <ChartView option={option} label={`Cumulative latencies of ${view.requests} requests`} height={260} />
      {view.kept.length > 0 && (
        <ul class="objectives">
          {view.kept.map(({ objective, kept, requests }) => (
            <li key={sloText([objective])}>
              <code>{sloText([objective])}</code> kept by {kept} of {requests} (
              {((100 * kept) / requests).toFixed(1)} %)
            </li>
          ))}
        </ul>
      )}
    </PlotFrame>
  );
}

function curveData({ curves }: ServedView): PlotData {
  return {
    head: ['latency', 'share', 'seconds'],
    lines: curves.flatMap(({ name, quantiles }) =>
      quantiles.map((value, i) => [name, CURVE_SHARES[i]!, value]),
    ),
  };
}

function Generator({ generator }: { generator: ServedView['generator'] }) {
  const { lag, loopDelay, cpuShare, problems } = generator;
  const line = (name: string, delay: typeof lag) =>
    delay !== null && (
      <tr key={name}>
        <th scope="row">{name}</th>
        <td>{quantity(delay.p50, 's')}</td>
        <td>{quantity(delay.p99, 's')}</td>
        <td>{quantity(delay.max, 's')}</td>
      </tr>
    );
  return (
    <section class="generator">
      <h3>Load generator</h3>
      <table class="figures">
        <caption>
          what of these times is its own
          {cpuShare !== null && `; it used ${(100 * cpuShare).toFixed(0)} % of a CPU`}
        </caption>
        <Heads of={['', 'p50', 'p99', 'longest']} />
        <tbody>
          {line('sent after its time', lag)}
          {line('away from its sockets', loopDelay)}
        </tbody>
      </table>
      {problems.map((problem) => (
        <p key={problem} class="problem">
          {problem}
        </p>
      ))}
    </section>
  );
}

function Loras({ loras }: Pick<ServedView, 'loras'>) {
  if (loras.length === 0) return null;
  const time = (value: number | null) => <td>{value !== null && quantity(value, 's')}</td>;
  return (
    <section>
      <h3>Adapters</h3>
      <table class="figures">
        <caption>that requests asked for; medians of complete answers</caption>
        <Heads of={['', 'requests', 'complete', 'TTFT, service', 'TPOT']} />
        <tbody>
          {loras.map(({ name, requests, complete, ttft, tpot }) => (
            <tr key={name}>
              <th scope="row">{name ?? 'the model as it is'}</th>
              <td>{requests}</td>
              <td>{complete}</td>
              {time(ttft)}
              {time(tpot)}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Failures({ view: { failures, requests } }: { view: ServedView }) {
  if (failures.length === 0) return null;
  const count = failures.reduce((sum, failure) => sum + failure.count, 0);
  return (
    <section class="failures">
      <h3>Failed requests</h3>
      <table class="figures">
        <caption>
          {count} of {requests}
        </caption>
        <Heads of={['requests', 'outcome', 'problem']} />
        <tbody>
          {failures.map((failure) => (
            <tr key={`${failure.outcome} ${failure.problem}`}>
              <th scope="row">{failure.count}</th>
              <td>{failure.outcome}</td>
              <td class="words">{failure.problem}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
