import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { ResultRecord } from '../../../../core/result/result.js';
import type { Theme } from '../theme.js';
import { TopLine } from '../top-line.js';
import { type GetTrial, WholeTrials } from '../whole-trial.js';
import { askJson, storeToken } from './api.js';
import { DriftPage } from './drift-page.js';
import { FleetPage } from './fleet-page.js';
import type { Connection } from './follow.js';
import { hrefOf, type Route, useRoute } from './route.js';
import { SweepPage, SweepProgressContext } from './sweep-page.js';
import { SweepsPage } from './sweeps-page.js';
import { TokenPage } from './token-page.js';
import { type Live, useLive } from './use-live.js';

const getTrial: GetTrial = (trialId, signal) =>
  askJson<ResultRecord>(`trials/${encodeURIComponent(trialId)}`, signal);

const PAGES = { sweeps: 'Sweeps', fleet: 'Fleet', drift: 'Drift' } as const;

/** A coordinator, followed. */
export function LivePage({ theme, onTheme }: { theme: Theme; onTheme(): void }) {
  const route = useRoute();
  const sweepId = route.page === 'sweep' ? route.sweepId : null;
  const [attempt, setAttempt] = useState(0);
  const live = useLive(sweepId, attempt);
  const { connection, standing, others, writes, sweeps, nodes, running, followed } = live;
  const sweep = sweeps?.find((one) => one.sweepId === sweepId) ?? null;
  const title = sweep?.name ?? PAGES[route.page as keyof typeof PAGES];

  useEffect(() => {
    document.title = `${title} · Ridgepoint`;
  }, [title]);
  const hasRows = (followed?.report.rows.length ?? 0) > 0;
  useEffect(() => window.scrollTo(0, 0), [route.page, sweepId]);
  // Whoever reads by ear hears where a link has led; and keeps that place when the first results redraw the
  // page.
  useEffect(() => {
    const { activeElement } = document;
    if (location.hash !== '' && (activeElement === null || !activeElement.closest('h1, main')))
      document.querySelector('h1')?.focus({ preventScroll: true });
  }, [route.page, sweepId, hasRows]);

  const onToken = useCallback((token: string) => {
    storeToken(token);
    setAttempt((n) => n + 1);
  }, []);
  const top = useMemo(
    () => (
      <TopLine theme={theme} onTheme={onTheme}>
        <Navigation page={route.page} />
        <ConnectionWord connection={connection} />
        <OtherCoordinators connection={connection} standing={standing} others={others} />
      </TopLine>
    ),
    [theme, onTheme, route.page, connection, standing, others],
  );
  if (connection.state === 'refused') {
    return (
      <>
        <header class="top">{top}</header>
        <Refused {...connection} onToken={onToken} />
      </>
    );
  }
  if (route.page === 'sweep') {
    const { sweepId: id } = route;
    return (
      <WholeTrials.Provider value={getTrial}>
        <SweepProgressContext.Provider
          value={{ sweep, writes, running: running.filter((trial) => trial.sweepId === id) }}
        >
          <SweepPage
            key={id}
            sweepId={id}
            sweeps={sweeps}
            name={sweep?.name ?? null}
            followed={followed}
            theme={theme}
            top={top}
          />
        </SweepProgressContext.Provider>
      </WholeTrials.Provider>
    );
  }
  return (
    <>
      <header class="top">{top}</header>
      {route.page === 'drift' ? (
        <DriftPage theme={theme} />
      ) : route.page === 'fleet' ? (
        <FleetPage nodes={nodes} running={running} />
      ) : (
        <SweepsPage sweeps={sweeps} running={running} writes={writes} />
      )}
    </>
  );
}

/** Whoever may not read is asked for a token, where a token would help. */
function Refused({
  status,
  reason,
  onToken,
}: Extract<Connection, { state: 'refused' }> & { onToken(token: string): void }) {
  if (status === 401 || status === 403) return <TokenPage reason={reason} onToken={onToken} />;
  return (
    <main class="live">
      <p class="empty" role="alert">
        {reason}
      </p>
    </main>
  );
}

function Navigation({ page: here }: { page: Route['page'] }) {
  return (
    <nav class="pages" aria-label="Pages">
      {(Object.keys(PAGES) as (keyof typeof PAGES)[]).map((page) => (
        <a key={page} href={hrefOf({ page })} aria-current={here === page ? 'page' : undefined}>
          {PAGES[page]}
        </a>
      ))}
    </nav>
  );
}

/** Where to look instead: at the one that leads, or, while this one does not answer, at any other. */
function OtherCoordinators({
  connection,
  standing,
  others,
}: Pick<Live, 'connection' | 'standing' | 'others'>) {
  if (connection.state === 'lost' && others.length > 0) {
    return (
      <span class="connection">
        others:{' '}
        {others.map((url) => (
          <a key={url} href={`${url}${location.hash}`}>
            {url}{' '}
          </a>
        ))}
      </span>
    );
  }
  if (standing === null || standing.leads) return null;
  const { leader } = standing;
  if (leader === null) return <span class="connection">no coordinator leads</span>;
  return (
    <span class="connection">
      stands by;{' '}
      {leader.webUrl === null ? (
        leader.address
      ) : (
        <a href={`${leader.webUrl}${location.hash}`}>{leader.address}</a>
      )}{' '}
      leads: nodes and what runs are known there
    </span>
  );
}

const WORDS: Readonly<Record<Connection['state'], string>> = {
  connecting: 'connecting',
  open: 'live',
  lost: 'the coordinator does not answer; trying again',
  refused: 'refused',
};

function ConnectionWord({ connection }: { connection: Connection }) {
  return (
    <span class={`connection ${connection.state}`} role="status">
      {WORDS[connection.state]}
    </span>
  );
}
