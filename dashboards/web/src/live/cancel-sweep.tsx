import { useState } from 'preact/hooks';
import type { LiveSweep } from '../../../../report/live/live.js';
import { change } from './api.js';

/** Cancels a sweep, once that was confirmed: trials that run are lost by it. */
export function CancelSweep({ sweep }: { sweep: LiveSweep }) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const cancel = async (): Promise<void> => {
    setBusy(true);
    try {
      await change(`sweeps/${encodeURIComponent(sweep.sweepId)}/cancel`, {});
    } catch (error) {
      setProblem((error as Error).message);
    }
    setBusy(false);
    setAsking(false);
  };
  return (
    <div class="cancel">
      {asking ? (
        <p role="alertdialog" aria-label="Cancel the sweep">
          <span>
            Cancel {sweep.name}? {lossText(sweep)} What has been measured stays; submitting the same file
            again goes on from there.
          </span>
          <button type="button" class="plain danger" disabled={busy} onClick={() => void cancel()}>
            Cancel the sweep
          </button>
          <button type="button" class="plain" disabled={busy} onClick={() => setAsking(false)}>
            Go on
          </button>
        </p>
      ) : (
        <button
          type="button"
          class="plain"
          onClick={() => {
            setProblem('');
            setAsking(true);
          }}
        >
          Cancel…
        </button>
      )}
      {problem !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

function lossText({ running }: LiveSweep): string {
  if (running === 0) return 'Nothing of it runs now.';
  return running === 1 ? 'The trial that runs is stopped.' : `The ${running} trials that run are stopped.`;
}
