import type { Report } from '../../../core/report/report.js';
import type { Details } from '../../../core/report/trim.js';
import { ReportPage } from './report-page.js';
import { useTheme } from './theme.js';

export function App({ report, details }: { report: Report; details: Details }) {
  const [theme, toggleTheme] = useTheme();
  return <ReportPage report={report} details={details} theme={theme} onTheme={toggleTheme} />;
}
