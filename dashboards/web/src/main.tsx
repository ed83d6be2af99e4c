import { render } from 'preact';
import { unpack } from '../../../core/report/payload.js';
import { buildReport } from '../../../core/report/report.js';
import { App } from './app.js';
import { readPayload } from './data.js';
import './style/page.css';
import './style/plots.css';
import './style/table.css';
import './style/detail.css';

const page = document.getElementById('page');
if (page !== null) {
  const payload = await readPayload();
  render(
    payload === null ? (
      <p class="empty">This is the empty report page. `ridge report --format html` fills it with results.</p>
    ) : (
      <App report={buildReport(unpack(payload), payload)} details={payload.details} />
    ),
    page,
  );
}
