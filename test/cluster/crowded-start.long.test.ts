import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseNodeProfile } from '../../proto/convert.js';
import { burnAtRandom } from '../support/burn.js';
import { control, start } from '../support/coordinator.js';
import { temporaryFolder } from '../support/folder.js';
import { startRidge } from '../support/ridge.js';
import { until } from '../support/services.js';

const AGENTS = 20;

test('agents that start all at once beside a burner offer all runners', { timeout: 900_000 }, async () => {
  const coordinator = await start();
  const client = control(coordinator.grpcAddress);
  const burner = burnAtRandom(1);
  onTestFinished(() => void burner.kill('SIGKILL'));
  const folder = temporaryFolder();
  const agents = Array.from({ length: AGENTS }, (_, index) => {
    const own = join(folder, `node${index}`);
    mkdirSync(own);
    const config = join(own, 'agent.json');
    writeFileSync(config, JSON.stringify({ stateFolder: own, cacheFolder: own, exporter: null }));
    return startRidge([
      ...['agent', '-c', coordinator.grpcAddress, '--config', config],
      ...['--name', `node${index}`, '--energy', 'none'],
    ]);
  });
  onTestFinished(async () => {
    for (const { process } of agents) process.kill('SIGKILL');
    await Promise.all(agents.map(({ ended }) => ended));
  });
  const nodes = await until(
    'all to join',
    async () => {
      const { nodes } = await client.listNodes();
      return nodes.length === AGENTS ? nodes : null;
    },
    800,
  );
  const offered = nodes.map(({ nodeProfileJson }) => {
    const { name, runners, absent } = parseNodeProfile(nodeProfileJson);
    const silent = Object.entries(absent).filter(([, why]) => why.includes('no answer'));
    return { name, runners: runners.map(({ kind }) => kind).sort(), silent };
  });
  const all = [...new Set(offered.flatMap(({ runners }) => runners))].sort();
  expect(all.length).toBeGreaterThan(3);
  expect(offered.filter(({ runners, silent }) => silent.length > 0 || runners.length < all.length)).toEqual(
    [],
  );
  for (const { stderr } of agents) expect(stderr()).not.toContain('is not offered');
  console.log(`${AGENTS} agents offer ${all.join(', ')}`);
});
