import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { RoofsEnvironment } from '../../../agent/roofs/environment.js';
import type { RoofsMeasurer } from '../../../agent/roofs/measurer.js';
import { NodeRoofs } from '../../../agent/roofs/node-roofs.js';
import { RoofsStore, readRoofs } from '../../../agent/roofs/store.js';
import { failed } from '../../../core/errors.js';
import type { DeviceProfile } from '../../../core/experiment/node.js';
import type { Roofs } from '../../../core/result/roofs.js';
import { sharedFolder } from '../../support/folder.js';
import { sampleRoofs } from './sample.js';

const parent = sharedFolder();

const cpu: DeviceProfile = {
  id: 'cpu0',
  classes: ['cpu', 'cpu:x'],
  name: 'a',
  memoryBytes: 1e9,
  cpus: [0, 1],
};
const npu: DeviceProfile = { ...cpu, id: 'npu0', classes: ['npu'] };

describe('roofs of a node', () => {
  let folder: string;
  let environment: RoofsEnvironment;
  let measured: number;
  let warnings: Roofs['warnings'];
  let said: string[];
  const measurer: RoofsMeasurer = {
    classes: ['cpu'],
    environment: () => environment,
    async measure(device) {
      measured++;
      const measuredAt = new Date(Date.UTC(2026, 10, 25, 12, 0, measured)).toISOString();
      const named = { id: device.id, class: 'cpu', name: 'a' };
      return sampleRoofs({ environment, measuredAt, warnings, device: named });
    },
  };
  beforeEach(() => {
    folder = mkdtempSync(join(parent, 'state-'));
    environment = { cpuModel: 'a', kernel: '6.1' };
    measured = 0;
    warnings = [];
    said = [];
  });
  async function prepared(mode: string, devices = [cpu], use: RoofsMeasurer | null = measurer) {
    const roofs = new NodeRoofs({
      mode,
      devices,
      store: new RoofsStore(folder),
      log: (_, message) => said.push(message),
      measurerFor: ({ classes }) => (classes[0] === 'cpu' ? use : null),
    });
    await roofs.prepare(new AbortController().signal);
    return roofs;
  }

  test('are measured once, kept whole, and found again', async () => {
    const first = await prepared('auto');
    expect(measured).toBe(1);
    const kept = first.forDevice('cpu0')!;
    expect(kept.bandwidth).toHaveLength(6);
    expect(first.summary).toEqual({ cpu0: { id: kept.id, measuredAt: kept.measuredAt, caveats: 0 } });
    const [name] = readdirSync(folder);
    expect(name).toBe(`cpu0.${kept.id}.json`);
    const whole = await readRoofs(join(folder, name!));
    expect(whole.id).toBe(kept.id);
    expect(whole.roofs.bandwidth[0]?.bytesPerSecond.samples).toHaveLength(2);

    expect((await prepared('auto')).forDevice('cpu0')?.id).toBe(kept.id);
    expect((await prepared('stored')).forDevice('cpu0')?.id).toBe(kept.id);
    expect(measured).toBe(1);
  });

  test('are measured again when the environment changes, and found again when it changes back', async () => {
    const id = (await prepared('auto')).forDevice('cpu0')?.id;
    environment = { cpuModel: 'a', kernel: '6.2' };
    const other = (await prepared('auto')).forDevice('cpu0')?.id;
    expect(measured).toBe(2);
    expect(other).not.toBe(id);
    expect(said.at(-1)).toMatch(/again, since kernel changed/);
    environment = { cpuModel: 'a', kernel: '6.1' };
    expect((await prepared('auto')).forDevice('cpu0')?.id).toBe(id);
    expect(measured).toBe(2);
    environment = { cpuModel: 'b', kernel: '6.1' };
    const stored = await prepared('stored');
    expect(measured).toBe(2);
    expect(stored.forDevice('cpu0')).toBeNull();
    expect(stored.absenceReason('cpu0')).toMatch(
      /cpuModel, kernel changed since they were measured: ridge roofs measures them/,
    );
  });

  test('that something disturbed are marked, and stay', async () => {
    warnings = [{ code: 'disturbed', message: 'others ran' }];
    const id = (await prepared('auto')).forDevice('cpu0')?.id;
    warnings = [];
    const again = await prepared('auto');
    expect(again.forDevice('cpu0')).toMatchObject({ id, warnings: [{ code: 'disturbed' }] });
    expect(measured).toBe(1);
  });

  test('that are off, not measured, or of an unknown kind of device are absent for a reason', async () => {
    expect((await prepared('off')).absenceReason('cpu0')).toMatch(/turns roofs off/);
    expect((await prepared('stored')).absenceReason('cpu0')).toMatch(/none were measured on this node/);
    expect((await prepared('auto', [npu])).absenceReason('npu0')).toMatch(/class npu/);
    expect(measured).toBe(0);
  });

  test('that cannot be measured cost the agent nothing but a warning', async () => {
    const broken: RoofsMeasurer = {
      ...measurer,
      measure: () => Promise.reject(failed('engine-missing', 'no library')),
    };
    const roofs = await prepared('auto', [cpu], broken);
    expect(roofs.forDevice('cpu0')).toBeNull();
    expect(roofs.absenceReason('cpu0')).toBe('no library');
    expect(said.at(-1)).toBe('roofs of cpu0: no library');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('come from a file where the config names one, for the device it holds', async () => {
    const path = join(folder, 'given.json');
    writeFileSync(path, JSON.stringify(sampleRoofs()));
    const roofs = await prepared(path, [cpu, npu]);
    expect(roofs.forDevice('cpu0')?.launchSeconds).toBe(2e-6);
    expect(roofs.absenceReason('npu0')).toMatch(/holds roofs of cpu0/);
    writeFileSync(path, JSON.stringify({ ...sampleRoofs(), bandwidth: [{ level: 'L9' }] }));
    expect((await prepared(path)).absenceReason('cpu0')).toMatch(/holds no roofs: bandwidth\.0\.level/);
    writeFileSync(path, '{');
    expect((await prepared(path)).absenceReason('cpu0')).toMatch(/is not JSON/);
  });

  test('a damaged file among those kept is passed over', async () => {
    const id = (await prepared('auto')).forDevice('cpu0')?.id;
    const path = join(folder, `cpu0.${id}.json`);
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, 100));
    const again = await prepared('auto');
    expect(measured).toBe(2);
    expect(again.forDevice('cpu0')).not.toBeNull();
  });
});
