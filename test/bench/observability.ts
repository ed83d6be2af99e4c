/**
 * What people look at, over a real sweep that a real Prometheus scrapes: every panel of every dashboard has something to
 * draw, the web view's API and Prometheus give the numbers of the records, alerts keep still while all is well and come
 * when a node is lost, the rules fire as their cases say, and the chart validates for every values file.
 *
 * `--pictures=FOLDER` draws what some panels show (dashboards.svg).
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boards } from '../../dashboards/grafana/index.js';
import { queriesOf } from '../../dashboards/grafana/lint.js';
import { hasSchemas, validateObjects } from '../support/chart-schemas.js';
import { FakeAgent } from '../support/fake-agent.js';
import { askBoard, emptiness, type Shown } from '../support/grafana/ask.js';
import { startScrapedFleet } from '../support/grafana/fleet.js';
import { INVALID_SWEEP, TECHNIQUES_SWEEP } from '../support/grafana/sweeps.js';
import { CI_FILES, hasHelm, helm, renderOnce } from '../support/helm.js';
import { ROOT } from '../support/ridge.js';
import { installed, until } from '../support/services.js';
import { aNode } from '../support/wire-records.js';
import { conclude, type Figure } from './figure.js';
import { hurriedRules } from './observability/hurried-rules.js';
import { drawPanels } from './observability/pictures.js';
import { storedDifferences, viewDifferences } from './observability/sameness.js';

for (const program of ['prometheus', 'promtool']) {
  if (installed(program)) continue;
  console.error(`bench:observability needs ${program}: bash scripts/install-test-services.sh`);
  process.exit(1);
}

const RULES = join(ROOT, 'dashboards/prometheus');
const figures: Figure[] = [];
const holdsNone = (claim: string, measured: string, wrong: readonly string[]): void => {
  for (const line of wrong) console.log(`${claim}: ${line}`);
  figures.push({
    claim,
    measured: `${measured}, ${wrong.length} wrong`,
    required: 'none wrong',
    holds: wrong.length === 0,
  });
};

const rules = hurriedRules(RULES, 2);
const fleet = await startScrapedFleet(rules.files);
try {
  const start = Date.now() / 1000;
  const records = [...(await fleet.run(TECHNIQUES_SWEEP)), ...(await fleet.run(INVALID_SWEEP))];
  const valid = records.filter((record) => record.status === 'complete' && record.valid);
  figures.push({
    claim: 'sweeps under scrape',
    measured: `${records.length} results, ${valid.length} valid`,
    required: '6 results, 4 valid',
    holds: records.length === 6 && valid.length === 4,
  });

  let shown: Shown[] = [];
  const ask = async (): Promise<Shown[]> => {
    const stretch = { start, end: Date.now() / 1000, step: 1 };
    const asked: Shown[] = [];
    for (const board of boards()) asked.push(...(await askBoard(fleet.prometheus.url, board, stretch)));
    return asked;
  };
  await until('every panel to have data', async () => {
    shown = await ask();
    return shown.flatMap(emptiness).length === 0 ? true : null;
  }).catch(() => undefined);
  const queries = shown.flatMap(({ panel }) => queriesOf(panel)).length;
  holdsNone('every panel has data', `${shown.length} panels, ${queries} queries`, shown.flatMap(emptiness));

  const stored = await storedDifferences(fleet.prometheus, valid);
  holdsNone('Prometheus has the numbers of the records', `${stored.compared} compared`, stored.different);
  const view = await viewDifferences(fleet.webUrl, records);
  holdsNone('the web view has the numbers of the records', `${view.compared} compared`, view.different);

  const folder = process.argv.find((word) => word.startsWith('--pictures='))?.slice('--pictures='.length);
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'dashboards.svg'), drawPanels(shown));
  }

  const firing = async (): Promise<string[]> => {
    const alerts = await fleet.prometheus.query('ALERTS{alertstate="firing"}');
    return [...new Set(alerts.map(({ labels }) => labels.alertname ?? ''))].sort();
  };
  // Trials that are invalid on purpose are too few for an alert.
  holdsNone('no alert while all is well', `${rules.alerts.length} alerts evaluated`, await firing());
  const { agent } = await FakeAgent.join(fleet.address, { profile: aNode('node-lost') });
  agent.vanish();
  const after = await until('an alert for the lost node', async () => {
    const names = await firing();
    return names.includes('RidgepointNodeLost') ? names : null;
  }).catch(firing);
  figures.push({
    claim: 'alerts after an agent has vanished',
    measured: after.join(', ') || 'none',
    required: 'RidgepointNodeLost alone',
    holds: after.join() === 'RidgepointNodeLost',
  });
} finally {
  await fleet.stop();
  rmSync(rules.folder, { recursive: true, force: true });
}

const cases = readdirSync(join(RULES, 'tests'));
const failed = cases.filter((file) => {
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', join('tests', file)], {
    cwd: RULES,
    encoding: 'utf8',
  });
  if (status !== 0) console.log(stdout + stderr);
  return status !== 0;
});
holdsNone('rules fire as scripted (promtool test rules)', `${cases.length} files of cases`, failed);

if (hasHelm) {
  const refused = CI_FILES.filter((file) => helm('template', file).code !== 0);
  holdsNone('helm template', `${CI_FILES.length} values files`, refused);
  if (hasSchemas) {
    const objects = CI_FILES.flatMap((file) => renderOnce(file).map((one) => [file, one] as const));
    // Most files change little: what is the same is validated once.
    const different = new Map(objects.map((one) => [JSON.stringify({ ...one[1], data: undefined }), one]));
    holdsNone(
      'objects validate',
      `${different.size} different objects`,
      validateObjects([...different.values()]),
    );
  } else console.log('without kubernetes-validate the objects are not validated');
} else console.log('without helm the chart is not looked at: bash scripts/install-test-services.sh');
conclude('observability', figures);
