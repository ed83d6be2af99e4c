import { useRef, useState } from 'preact/hooks';
import { change, Refusal } from './api.js';
import { hrefOf } from './route.js';

interface Submitted {
  readonly sweepId: string;
  readonly created: boolean;
}

/**
 * Submits a sweep file that is opened or written here, and shows what is wrong with it, each error with its
 * line and column.
 */
export function SubmitSweep() {
  const [document, setDocument] = useState('');
  const [retryFailed, setRetryFailed] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problems, setProblems] = useState<readonly string[]>([]);
  const area = useRef<HTMLTextAreaElement>(null);
  const submit = async (): Promise<void> => {
    setBusy(true);
    setProblems([]);
    try {
      const { sweepId } = await change<Submitted>('sweeps', { document, retryFailed });
      location.hash = hrefOf({ page: 'sweep', sweepId });
    } catch (error) {
      setProblems(problemsOf(error instanceof Refusal ? error : new Refusal(0, String(error))));
    }
    setBusy(false);
  };
  const open = async (file: File | undefined): Promise<void> => {
    if (file !== undefined) setDocument(await file.text());
  };
  return (
    <details class="submit">
      <summary>Submit a sweep</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <label class="file">
          <span>Sweep file</span>
          <input
            type="file"
            accept=".yaml,.yml,.json"
            onChange={(event) => void open(event.currentTarget.files?.[0])}
          />
        </label>
        <textarea
          ref={area}
          rows={14}
          spellcheck={false}
          aria-label="Sweep"
          placeholder="models: builtin:tiny"
          value={document}
          onInput={(event) => setDocument(event.currentTarget.value)}
        />
        {problems.length > 0 && <Problems of={problems} onPlace={(place) => select(area.current, place)} />}
        <p class="actions">
          <label>
            <input
              type="checkbox"
              checked={retryFailed}
              onChange={(event) => setRetryFailed(event.currentTarget.checked)}
            />
            try failed and invalid points of an earlier submission again
          </label>
          <button type="submit" class="plain" disabled={busy || document.trim() === ''}>
            Submit
          </button>
        </p>
      </form>
    </details>
  );
}

/** What is wrong with a sweep: what has a place in it leads there. */
function Problems({
  of: problems,
  onPlace,
}: {
  readonly of: readonly string[];
  onPlace(place: Place): void;
}) {
  const entryOf = (problem: string) => {
    const place = placeOf(problem);
    if (place === null) return problem;
    return (
      <button type="button" class="place" onClick={() => onPlace(place)}>
        {problem}
      </button>
    );
  };
  return (
    <ul class="problems" role="alert">
      {problems.map((problem) => (
        <li key={problem}>{entryOf(problem)}</li>
      ))}
    </ul>
  );
}

/**
 * @returns what is wrong, then what to do. A file with errors is refused with the first of them: not twice.
 */
function problemsOf({ message, details: [first, ...others] }: Refusal): string[] {
  if (first === undefined) return [message];
  return message.endsWith(first) ? [first, ...others] : [message, first, ...others];
}

interface Place {
  readonly line: number;
  readonly column: number;
}

/** @returns where an error says that it is; null = it names no place. */
function placeOf(problem: string): Place | null {
  const found = /^line (\d+), column (\d+)/.exec(problem);
  return found === null ? null : { line: Number(found[1]), column: Number(found[2]) };
}

/** Puts the cursor where an error is. */
function select(area: HTMLTextAreaElement | null, { line, column }: Place): void {
  if (area === null) return;
  const before = area.value.split('\n').slice(0, line - 1);
  const at = before.reduce((sum, text) => sum + text.length + 1, 0) + column - 1;
  area.focus();
  area.setSelectionRange(at, at);
}
