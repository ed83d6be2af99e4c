/**
 * A real Prometheus scrapes a coordinator and an agent while a sweep of the shipped model runs; what it
 * stored must equal the result records, and promtool must accept what both export.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { METRICS } from '../../core/metrics/catalogue.js';
import { metricValue, type ResultRecord } from '../../core/result/result.js';
import { ridge, startRidge } from '../support/ridge.js';
import { freePort, installed, startPrometheus, until } from '../support/services.js';
import { conclude, type Figure } from './figure.js';

const SWEEP = `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: scraped }
spec:
  models: [{ name: tiny, source: "builtin:tiny" }]
  techniques: { quantization: [f16, q8_0] }
  runners: [{ kind: llama-cpp, flashAttention: [true, false] }]
  workloads: [{ kind: latency, promptTokens: 128, generateTokens: 64 }]
  # Whether rows may be compared is not the question here: no gate may keep one from being shown.
  measure: { starts: 1, minRepeats: 3, maxRepeats: 4 }
  placement: { retries: 0 }
`;

if (!installed('prometheus') || !installed('promtool')) {
  console.error('bench:prometheus needs prometheus and promtool: bash scripts/install-test-services.sh');
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-scraped-'));
const file = join(folder, 'sweep.yaml');
writeFileSync(file, SWEEP);
const [grpc, coordinatorHttp, agentHttp] = [await freePort(), await freePort(), await freePort()];
const address = `127.0.0.1:${grpc}`;
const targets = { coordinator: `127.0.0.1:${coordinatorHttp}`, agent: `127.0.0.1:${agentHttp}` };

const coordinator = startRidge([
  'coordinator',
  '--listen',
  address,
  '--metrics',
  targets.coordinator,
  '--web',
  'off',
  '--data',
  join(folder, 'coordinator'),
]);
await coordinator.says(address);
const agent = startRidge([
  'agent',
  '--coordinator',
  address,
  '--metrics',
  targets.agent,
  '--data',
  join(folder, 'agent'),
  '--name',
  'scraped-node',
]);
// An agent measures its meters before it serves anything; a scrape before that is no fault of its exporter.
await until('the agent to serve', async () =>
  (await fetch(`http://${targets.agent}/healthz`)).ok ? true : null,
);
const prometheus = await startPrometheus(targets);

/** Every value of the export, by series, parsed from the text that a scrape gets. */
async function lint(target: string): Promise<string> {
  const text = await (await fetch(`http://${target}/metrics`)).text();
  const promtool = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  return promtool.status === 0 && promtool.stderr.trim() === '' ? 'clean' : promtool.stderr.trim();
}

const figures: Figure[] = [];
try {
  const submitted = await ridge(['submit', file, '--coordinator', address, '--watch']);
  const printed = await ridge(['results', '--coordinator', address, '--format', 'jsonl']);
  const records = printed.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ResultRecord);
  const complete = records.filter((r) => r.status === 'complete');
  figures.push({
    claim: 'sweep under scrape',
    measured: `exit code ${submitted.code}, ${complete.length} complete results`,
    required: 'exit code 0, 4 complete',
    holds: submitted.code === 0 && complete.length === 4,
  });

  let compared = 0;
  const different: string[] = [];
  for (const metric of METRICS) {
    for (const record of complete) {
      // Rows that must not be compared are counted by the exporter, never shown as results.
      if (!record.valid) continue;
      const value = metricValue(record, metric.name);
      const series = `ridgepoint_${metric.prometheus}{job="coordinator",experiment="${record.experimentId}"}`;
      if (value === null) {
        if ((await prometheus.query(series)).length > 0)
          different.push(`${series} exists but the record has null`);
        continue;
      }
      const [stored] = await until(series, async () => {
        const found = await prometheus.query(series);
        return found.length > 0 ? found : null;
      });
      compared += 1;
      if (stored?.value !== value) different.push(`${series}: ${stored?.value} instead of ${value}`);
    }
  }
  for (const line of different) console.log(line);
  figures.push({
    claim: 'values in Prometheus equal the records',
    measured: `${compared} compared, ${different.length} different`,
    required: 'at least 40 compared, none different',
    holds: compared >= 40 && different.length === 0,
  });
  for (const [job, target] of Object.entries(targets)) {
    const verdict = await lint(target);
    figures.push({
      claim: `promtool check metrics, ${job}`,
      measured: verdict,
      required: 'clean',
      holds: verdict === 'clean',
    });
    const up = await prometheus.query(`min_over_time(up{job="${job}"}[5m])`);
    figures.push({
      claim: `scrapes of ${job}`,
      measured: up[0]?.value === 1 ? 'every one answered' : `up fell to ${up[0]?.value}`,
      required: 'every one answered',
      holds: up[0]?.value === 1,
    });
  }
} finally {
  await prometheus.stop();
  agent.process.kill('SIGTERM');
  coordinator.process.kill('SIGTERM');
  await Promise.all([agent.ended, coordinator.ended]);
  rmSync(folder, { recursive: true, force: true });
}
conclude('prometheus', figures);
