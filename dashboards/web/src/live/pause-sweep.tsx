import { useState } from 'preact/hooks';
import type { LiveSweep } from '../../../../report/live/live.js';
import { change } from './api.js';

/** Pauses a sweep, or goes on with one that is paused; nothing is lost by either, so nothing is asked. */
export function PauseSweep({ sweep }: { sweep: LiveSweep }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const paused = sweep.state === 'paused';
  const toggle = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setProblem('');
    try {
      await change(`sweeps/${encodeURIComponent(sweep.sweepId)}/${paused ? 'resume' : 'pause'}`, {});
    } catch (error) {
      setProblem((error as Error).message);
    }
    setBusy(false);
  };
  return (
    <div class="pause">
      <button
        type="button"
        class="plain"
        // A button that is disabled would lose the focus, and with it its reader's place.
        aria-disabled={busy}
        title={paused ? undefined : 'Nothing more is begun until you resume it; what runs is finished.'}
        onClick={() => void toggle()}
      >
        {paused ? 'Resume' : 'Pause'}
      </button>
      {problem !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
