// Makes the pictures of docs/images from a run of the quickstart: the table as a terminal shows it, the report page on a desktop, in the
// dark and on a phone, and the live view of a sweep of the fake runner; and, where docs/examples/techniques.yaml was run, its page with
// a row open. Needs chromium. Run it by hand, without `--quick`, which has no intervals:
//   ridge run docs/examples/quickstart.yaml && node --import tsx scripts/pictures.ts [FOLDER OF THE RUN]
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const root = join(import.meta.dirname, '..');
const run = resolve(process.argv[2] ?? join(root, 'ridge-out/quickstart'));
const images = join(root, 'docs/images');

const COLORS: Record<string, string> = {
  '1': 'font-weight:bold',
  '2': 'opacity:.6',
  '31': 'color:#f38b8b',
  '32': 'color:#9bd18b',
  '33': 'color:#e9c46a',
  '36': 'color:#7fc8d8',
};

/** The few colours our own table uses, as HTML. */
function toHtml(ansi: string): string {
  const escaped = ansi.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  let open = 0;
  const close = (): string => {
    const spans = '</span>'.repeat(open);
    open = 0;
    return spans;
  };
  const esc = String.fromCharCode(27);
  const body = escaped.replace(new RegExp(`${esc}\\[(\\d+)m`, 'g'), (_, code: string) => {
    const style = COLORS[code];
    if (style === undefined) return close();
    open += 1;
    return `<span style="${style}">`;
  });
  return body + close();
}

const table = execFileSync(process.execPath, [join(root, 'dist/cli/main.js'), 'report', run], {
  encoding: 'utf8',
  env: { ...process.env, FORCE_COLOR: '1', COLUMNS: '128', LANG: 'C.UTF-8' },
});
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
const terminal = await browser.newPage({ viewport: { width: 1200, height: 300 }, deviceScaleFactor: 1.5 });
await terminal.setContent(`<body style="margin:0;background:#16202a"><pre style="margin:0;padding:22px 26px;display:inline-block;
  color:#dfe7ee;font:14px/1.4 'DejaVu Sans Mono',monospace"><span style="color:#7fc8d8">$</span> ridge run docs/examples/quickstart.yaml\n\n${toHtml(table)}</pre></body>`);
await terminal.locator('pre').screenshot({ path: join(images, 'table.png') });

const VIEWS = [
  { name: 'report.png', viewport: { width: 1280, height: 1180 }, colorScheme: 'light' },
  { name: 'report-dark.png', viewport: { width: 1280, height: 1180 }, colorScheme: 'dark' },
  { name: 'report-phone.png', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
] as const;
for (const { name, ...view } of VIEWS) {
  const page = await browser.newPage(view);
  await page.goto(pathToFileURL(join(run, 'report.html')).href);
  await page.waitForTimeout(1000);
  await page.screenshot({ path: join(images, name) });
}

/** Seconds after which a sweep of the fake runner has something to show and is not over. */
const LIVE_SECONDS = 20;
const address = '127.0.0.1:7171';
const out = mkdtempSync(join(tmpdir(), 'ridgepoint-pictures-'));
const sweep = join(root, 'docs/examples/fake.yaml');
const live = spawn(
  process.execPath,
  [join(root, 'dist/cli/main.js'), 'run', sweep, '--out', out, '--web', address, '--no-roofs'],
  { stdio: 'ignore' },
);
try {
  await new Promise((done) => setTimeout(done, 1000 * LIVE_SECONDS));
  const page = await browser.newPage({ viewport: { width: 1280, height: 1180 } });
  await page.goto(`http://${address}/`);
  await page.waitForTimeout(1500);
  const [first] = await page.locator('main a').all();
  await first?.click();
  await page.waitForTimeout(3000);
  await page.screenshot({ path: join(images, 'live.png') });
} finally {
  live.kill('SIGKILL');
}

const techniques = join(root, 'ridge-out/techniques/report.html');
if (existsSync(techniques)) {
  const wide = await browser.newPage({ viewport: { width: 1600, height: 1180 } });
  await wide.goto(pathToFileURL(techniques).href);
  await wide.waitForTimeout(1000);
  await wide.screenshot({ path: join(images, 'techniques.png') });
  // The row whose file took the most steps has the most to show.
  const row = wide.locator('tbody tr:has-text("merged"):has-text("dsnot"):has-text("q4_k_m")').first();
  await row.locator('td:nth-child(3)').click();
  await wide.waitForTimeout(600);
  await wide.locator('aside.detail').screenshot({ path: join(images, 'row.png') });
}
await browser.close();
