import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { failed } from '../../core/errors.js';
import { builtFile } from '../../process/package.js';
import { contentPolicy, fillPage } from '../../report/page.js';
import { pack } from '../../report/payload.js';
import type { Report } from '../../report/report.js';
import { recordsOf } from './jsonl.js';

/**
 * The report as one HTML file that needs no network: the built page with the records inside. A policy in the
 * page itself lets nothing be fetched and no script run but the page's own, whatever the records hold.
 * @throws FailureError `internal` when the page has not been built
 */
export async function renderHtml(report: Report): Promise<string> {
  const path = builtFile('dashboards/web/report.html');
  if (path === null) {
    throw failed('internal', 'The report page is missing from this installation.', 'Run `npm run build`.');
  }
  return fillTemplate(await readFile(path, 'utf8'), report);
}

/** @returns the built page with a report's data, title and content security policy. */
export function fillTemplate(template: string, report: Report): string {
  const quoted = new Set(report.rows.flatMap((row) => row.starts.map(({ trialId }) => trialId)));
  const payload = pack(recordsOf(report), quoted, report);
  const data = dataElement(JSON.stringify(payload));
  const policy = contentPolicy(template, null);
  return fillPage(template, `${asText(report.sweepName)} · Ridgepoint`, data).replace(
    '<meta charset="utf-8">',
    () => `<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="${policy}">`,
  );
}

/** Above this many characters the data is compressed; below, people can read it in the file. */
const PLAIN_LIMIT = 2_000_000;

function dataElement(json: string): string {
  const [encoding, text] =
    json.length <= PLAIN_LIMIT
      ? ['', asScriptData(json)]
      : [' data-encoding="gzip+base64"', gzipSync(json).toString('base64')];
  return `<script type="application/json" id="ridgepoint-data"${encoding}>${text}</script>`;
}

/**
 * Inside a script element only `<` can end it; the line separators are not allowed in JavaScript strings of
 * old.
 */
function asScriptData(json: string): string {
  return json.replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

function asText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
