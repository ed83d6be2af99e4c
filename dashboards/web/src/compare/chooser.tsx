import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { orElse } from '../../../../core/or-else.js';
import type { ResultRecord } from '../../../../core/result/result.js';
import { regraded } from '../../../../judgement/regrade.js';
import { buildReport } from '../../../../report/build.js';
import { axisText } from '../../../../report/columns.js';
import { type Payload, unpack } from '../../../../report/payload.js';
import type { Report } from '../../../../report/report.js';
import { Picker } from '../charts/choices.js';
import { inflate } from '../data.js';
import type { OtherRun } from './comparison.js';
import type { Choice } from './sides.js';

/** The schema's name, apart from its module, which would bring the whole schema into the page. */
const SCHEMA = 'ridgepoint.dev/result/v1';

/**
 * @param text of a results.jsonl, or of a report.html
 * @param like what the page is about: a results.jsonl does not say its objectives
 * @returns the run in it. @throws Error with a sentence for people when it holds none.
 */
async function readRun(name: string, text: string, like: Report): Promise<Report> {
  const request = { sweepName: name, objectives: like.objectives };
  const records = text.trimStart().startsWith('<') ? await embedded(name, text) : lines(name, text);
  try {
    return buildReport(records, request);
  } catch (error) {
    throw new Error(`${name} holds results that this page cannot read: ${(error as Error).message}`);
  }
}

function lines(name: string, text: string): ResultRecord[] {
  const records = text.split('\n').flatMap((line, i): ResultRecord[] => {
    if (line.trim() === '') return [];
    const value = parsed(line);
    if (!isRecord(value)) {
      throw new Error(`Line ${i + 1} of ${name} is no result: choose a results.jsonl or a report.html.`);
    }
    return [regraded(value)];
  });
  if (records.length === 0) throw new Error(`${name} holds no results.`);
  return records;
}

/** The page of another run is only parsed as text: nothing of it is run or fetched. */
async function embedded(name: string, html: string): Promise<ResultRecord[]> {
  const element = new DOMParser().parseFromString(html, 'text/html').getElementById('ridgepoint-data');
  const text = element?.textContent?.trim() ?? '';
  if (text === '') throw new Error(`${name} is no report with results in it.`);
  const json = element?.dataset.encoding === 'gzip+base64' ? await inflate(text) : text;
  const payload = parsed(json) as Payload | undefined;
  try {
    return unpack(payload as Payload).map((record) => regraded(record));
  } catch {
    throw new Error(`${name} was made by another version of Ridgepoint: open its results.jsonl instead.`);
  }
}

function isRecord(value: unknown): value is ResultRecord {
  return typeof value === 'object' && value !== null && (value as { schema?: unknown }).schema === SCHEMA;
}

function parsed(json: string): unknown {
  return orElse(() => JSON.parse(json), undefined);
}

interface ChooserProps {
  readonly report: Report;
  readonly selected: readonly string[];
  readonly runs: readonly OtherRun[];
  readonly choice: Choice | null;
  onChoice(choice: Choice): void;
  readonly children: ComponentChildren;
}

/** What A and B are. */
export function Chooser({ report, selected, runs, choice, onChoice, children }: ChooserProps) {
  const [opening, setOpening] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [waiting, setWaiting] = useState<string | null>(null);
  const asked = useRef(0);
  const key =
    opening || choice?.kind === 'run' ? 'run' : choice?.kind === 'axis' ? `axis ${choice.axis}` : 'rows';
  const choose = (value: string) => {
    asked.current += 1;
    setWaiting(null);
    setTrouble(null);
    setOpening(value === 'run');
    if (value === 'rows') onChoice({ kind: 'rows', a: selected[0] ?? '', b: selected[1] ?? '' });
    const axis = report.axes.find(({ name }) => value === `axis ${name}`);
    if (axis !== undefined) {
      const [a, b] = axis.values.map(axisText);
      onChoice({ kind: 'axis', axis: axis.name, a: a ?? '', b: b ?? '' });
    }
  };
  const load = async (name: string, get: () => Promise<Report>) => {
    asked.current += 1;
    const own = asked.current;
    setTrouble(null);
    setWaiting(name);
    // Large runs take a while to come: what was chosen last counts.
    try {
      const before = await get();
      if (own === asked.current) onChoice({ kind: 'run', before });
    } catch (error) {
      if (own === asked.current) setTrouble((error as Error).message);
    }
    if (own === asked.current) setWaiting(null);
  };
  return (
    <>
      <div class="bar sides">
        <label>
          <span>Between</span>
          <select value={key} onChange={(event) => choose(event.currentTarget.value)}>
            {report.axes.map(({ name }) => (
              <option key={name} value={`axis ${name}`}>
                values of {name}
              </option>
            ))}
            <option value="rows" disabled={selected.length < 2}>
              ticked rows
            </option>
            <option value="run">another run and this</option>
          </select>
        </label>
        {key === 'run' ? (
          <Runs runs={runs} choice={choice} report={report} onLoad={load} />
        ) : (
          choice !== null && <Ends report={report} selected={selected} choice={choice} onChoice={onChoice} />
        )}
        {children}
      </div>
      {waiting !== null && (
        <p class="quiet" role="status">
          Getting {waiting} …
        </p>
      )}
      {trouble !== null && (
        <p class="code failed" role="alert">
          {trouble}
        </p>
      )}
    </>
  );
}

type EndsProps = Pick<ChooserProps, 'report' | 'selected' | 'onChoice'> & { readonly choice: Choice };

function Ends({ report, selected, choice, onChoice }: EndsProps) {
  if (choice.kind === 'run') return null;
  const axis = choice.kind === 'axis' ? report.axes.find(({ name }) => name === choice.axis) : undefined;
  const options: [string, string][] =
    choice.kind === 'axis'
      ? (axis?.values.map((value, i) => [axisText(value), axis.texts[i] ?? '']) ?? [])
      : report.rows
          .filter((row) => selected.includes(row.experimentId))
          .map((row) => [row.experimentId, `#${row.number} ${row.label}`]);
  return (
    <>
      {(['a', 'b'] as const).map((side) => (
        <Picker
          key={side}
          label={side.toUpperCase()}
          value={choice[side]}
          options={options}
          onPick={(picked) => onChoice({ ...choice, [side]: picked })}
        />
      ))}
    </>
  );
}

interface RunsProps extends Pick<ChooserProps, 'runs' | 'choice' | 'report'> {
  onLoad(name: string, get: () => Promise<Report>): void;
}

/** A is another run: one that the page knows, or a file of the reader's. */
function Runs({ runs, choice, report, onLoad }: RunsProps) {
  return (
    <>
      {runs.length > 0 && (
        <label>
          <span>A</span>
          <select
            value=""
            onChange={(event) => {
              const run = runs[Number(event.currentTarget.value)];
              if (run !== undefined) onLoad(run.name, () => run.load());
            }}
          >
            <option value="">{choice?.kind === 'run' ? choice.before.sweepName : 'choose a run'}</option>
            {runs.map((run, i) => (
              <option key={run.id} value={i}>
                {run.name}
              </option>
            ))}
          </select>
        </label>
      )}
      <label>
        <span>A: results.jsonl or report.html</span>
        <input
          type="file"
          accept=".jsonl,.html"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file !== undefined)
              onLoad(file.name, async () => readRun(file.name, await file.text(), report));
          }}
        />
      </label>
    </>
  );
}
