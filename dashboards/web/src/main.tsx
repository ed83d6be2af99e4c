import { render } from 'preact';
import type { Payload } from '../../../core/report/payload.js';
import { unpack } from '../../../core/report/payload.js';
import { buildReport } from '../../../core/report/report.js';
import { App } from './app.js';
import './style/page.css';
import './style/table.css';
import './style/detail.css';

const page = document.getElementById('page');
const data = document.getElementById('ridgepoint-data')?.textContent ?? '';
if (page !== null) {
  if (data.trim() === '') {
    render(
      <p class="empty">This is the empty report page. `ridge report --format html` fills it with results.</p>,
      page,
    );
  } else {
    const payload = JSON.parse(data) as Payload;
    render(<App report={buildReport(unpack(payload), payload)} details={payload.details} />, page);
  }
}
