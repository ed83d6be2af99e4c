import { useMemo } from 'preact/hooks';
import { buildReport } from '../../../report/build.js';
import { type Payload, unpack } from '../../../report/payload.js';
import type { Origin } from './data.js';
import { LivePage } from './live/live-page.js';
import { ReportPage } from './report-page.js';
import { ServedViews } from './served-views.js';
import { type Theme, useTheme } from './theme.js';
import { TopLine } from './top-line.js';

/** The same page for a file that is opened and for a coordinator that is followed. */
export function App({ origin }: { origin: Origin }) {
  const [theme, toggleTheme] = useTheme();
  switch (origin.kind) {
    case 'live':
      return <LivePage theme={theme} onTheme={toggleTheme} />;
    case 'embedded':
      return <Embedded payload={origin.payload} theme={theme} onTheme={toggleTheme} />;
    case 'empty':
      return (
        <p class="empty">
          This is the empty report page. `ridge report --format html` fills it with results.
        </p>
      );
  }
}

function Embedded({ payload, theme, onTheme }: { payload: Payload; theme: Theme; onTheme(): void }) {
  const report = useMemo(() => buildReport(unpack(payload), payload), [payload]);
  const top = <TopLine theme={theme} onTheme={onTheme} />;
  return (
    <ServedViews.Provider value={payload.served ?? {}}>
      <ReportPage report={report} details={payload.details} theme={theme} top={top} />
    </ServedViews.Provider>
  );
}
