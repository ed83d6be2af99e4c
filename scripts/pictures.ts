// Makes the pictures of docs/images: the table of the quickstart as a terminal shows it, its report page on a
// desktop, in the dark and on a phone, and the live view as the same run was half-way. Needs chromium, and
// some three minutes on a calm machine; look at each picture before it is committed. node --import tsx
// scripts/pictures.ts [FOLDER OF A RUN WITHOUT --quick]
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SqliteLog } from '../coordinator/log/sqlite.js';
import { launchChromium } from '../test/support/chromium.js';

const root = join(import.meta.dirname, '..');
const images = join(root, 'docs/images');
const ridge = join(root, 'dist/cli/main.js');
const quickstart = join(root, 'docs/examples/quickstart.yaml');
const scratch = mkdtempSync(join(tmpdir(), 'ridgepoint-pictures-'));

/** The run that is shown: what was named, or one that is made now. */
function recorded(): string {
  const [, , named] = process.argv;
  if (named !== undefined) return resolve(named);
  const out = join(scratch, 'quickstart');
  execFileSync(process.execPath, [ridge, 'run', quickstart, '--out', out], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return out;
}
const run = recorded();

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

const table = execFileSync(process.execPath, [ridge, 'report', run], {
  encoding: 'utf8',
  env: { ...process.env, FORCE_COLOR: '1', COLUMNS: '128', LANG: 'C.UTF-8' },
});
const browser = await launchChromium();
const terminal = await browser.newPage({ viewport: { width: 1200, height: 300 }, deviceScaleFactor: 1.5 });
await terminal.setContent(`<body style="margin:0;background:#16202a"><pre style="margin:0;padding:22px 26px;display:inline-block;
  color:#dfe7ee;font:14px/1.4 'DejaVu Sans Mono',monospace"><span style="color:#7fc8d8">$</span> ridge run docs/examples/quickstart.yaml\n\n${toHtml(table)}</pre></body>`);
await terminal.locator('pre').screenshot({ path: join(images, 'table.png') });

// Anew, for a run of before has the page of before.
const report = join(scratch, 'report.html');
execFileSync(process.execPath, [ridge, 'report', run, '--format', 'html', '--output', report], {
  stdio: 'inherit',
});
const DESKTOP = { width: 1280, height: 1180 };
const VIEWS = [
  { name: 'report.png', viewport: DESKTOP, colorScheme: 'light' },
  { name: 'report-dark.png', viewport: DESKTOP, colorScheme: 'dark' },
  { name: 'report-phone.png', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
] as const;
for (const { name, ...view } of VIEWS) {
  const page = await browser.newPage(view);
  await page.goto(pathToFileURL(report).href);
  await page.waitForSelector('.chart svg');
  // The charts follow their frames, which settle once the fonts are there.
  await page.waitForTimeout(1000);
  await page.screenshot({ path: join(images, name) });
}

/** Trials of the run after which the live view shows it: in its first pass. */
const TRIALS = 10;

/** @returns a folder in which the run is as it was after so many trials; `ridge run` goes on there. */
async function runFolderAfter(trials: number): Promise<string> {
  const out = join(scratch, 'before');
  mkdirSync(out);
  copyFileSync(join(run, 'log.sqlite'), join(scratch, 'log.sqlite'));
  const whole = new SqliteLog(join(scratch, 'log.sqlite'));
  const part = new SqliteLog(join(out, 'log.sqlite'));
  let left = trials;
  for await (const { fact, position } of whole.read(0, 'full')) {
    if (left === 0) break;
    await part.append([fact], position - 1);
    if (fact.fact === 'ResultRecorded') left -= 1;
  }
  await Promise.all([whole.close(), part.close()]);
  return out;
}

const live = spawn(
  process.execPath,
  [
    ridge,
    'run',
    join(run, 'sweep.yaml'),
    '--out',
    await runFolderAfter(TRIALS),
    '--web',
    '127.0.0.1:0',
    '--no-roofs',
  ],
  { stdio: ['ignore', 'ignore', 'pipe'] },
);
try {
  const url = await new Promise<string>((found, gone) => {
    let said = '';
    live.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [, address] = /web view at (\S+)/.exec(said) ?? [];
      if (address !== undefined) found(address);
    });
    live.on('close', () => gone(new Error(`the sweep ended before it was seen:\n${said}`)));
  });
  const page = await browser.newPage({ viewport: DESKTOP });
  await page.goto(url);
  await page.click('main a:has-text("quickstart")');
  await page.waitForSelector('.running li');
  await page.waitForSelector('.chart svg');
  await page.waitForTimeout(1500);
  await page.screenshot({ path: join(images, 'live.png') });
} finally {
  live.kill('SIGKILL');
  await browser.close();
  rmSync(scratch, { recursive: true, force: true });
}
