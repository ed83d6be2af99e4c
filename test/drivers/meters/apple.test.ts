import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findAppleMeter } from '../../../agent/meters/apple.js';
import type { Reading } from '../../../agent/meters/meter.js';
import { powermetricsMeter, tryPowermetrics } from '../../../agent/meters/powermetrics.js';
import { openIoReport } from '../../../process/device/io-report.js';
import { importKoffi } from '../../../process/koffi.js';
import { compileStub, hasGcc, setStub } from '../../support/c-stub.js';
import { found, tree, values } from '../../support/system-tree.js';

describe.skipIf(!hasGcc)('Apple’s IOReport, by a stub of it (needs gcc; no Apple chip was at hand)', () => {
  const library = hasGcc ? compileStub('io-report-stub') : '';
  const open = () => openIoReport({ ioReport: library, coreFoundation: library });
  afterEach(() => setStub({ IO_REPORT_STUB: undefined }));

  test('adds up dies, reads each channel in its own unit, and keeps what lies inside another apart', async () => {
    const search = await open();
    if (!search.found) throw new Error(search.reason);
    const meter = found(findAppleMeter(search.ioReport));
    const [first, second] = [values(meter.read()), values(meter.read())];
    const growth = Object.fromEntries(
      Object.entries(second).map(([name, value]) => [name, value - first[name]!]),
    );
    expect(growth).toEqual({
      'energyJoules:cpu': 2,
      'energyJoules:gpu': 2,
      'energyJoules:dram': 0.5,
      'partEnergyJoules:gpu-sram': expect.closeTo(0.1, 9),
    });
    search.ioReport.close();
  });

  test('releases what it was given, at every reading and at the end', async () => {
    const living = (await importKoffi()).load(library).func('int stub_living()');
    const before = living();
    const search = await open();
    if (!search.found) throw new Error(search.reason);
    const opened = living();
    for (let i = 0; i < 100; i++) search.ioReport.joules();
    expect(living()).toBe(opened);
    search.ioReport.close();
    expect(living()).toBe(before);
  });

  test.each([
    ['closed', /has no IOReport channels/],
    ['units', /in a unit that is known/],
  ])('%s: says why it is of no use', async (state, reason) => {
    setStub({ IO_REPORT_STUB: state });
    expect(await open()).toEqual({ found: false, reason: expect.stringMatching(reason) });
  });

  test('is absent with the loader’s words on other systems, and with its channels where none is known', async () => {
    const nowhere = { ioReport: '/nowhere/libIOReport.dylib', coreFoundation: library };
    expect(await openIoReport(nowhere)).toMatchObject({
      reason: expect.stringContaining('cannot be opened'),
    });
    const ioReport = { channels: [{ name: 'AMCC' }], joules: () => [1], close() {} };
    expect(findAppleMeter(ioReport)).toMatchObject({
      found: false,
      reason: expect.stringContaining('(AMCC)'),
    });
  });
});

describe.skipIf(spawnSync('sh', ['-c', 'true']).status !== 0)(
  'powermetrics, by a script in its place (needs sh)',
  () => {
    const SAMPLE = [
      '*** Sampled system activity (Thu Jan  1 00:00:00 2026 +0000) (250.00ms elapsed) ***',
      'E-Cluster Power: 12 mW',
      'CPU Power: 2000 mW',
      'GPU Power: 400 mW',
      'ANE Power: 0 mW',
      'Combined Power (CPU + GPU + ANE): 2400 mW',
      '',
    ].join('\n');

    /** A command that writes the sample `count` times, or once when it is asked to. */
    function script(body: string) {
      const root = tree({ 'powermetrics.sh': `#!/bin/sh\n${body}\n`, sample: `${SAMPLE}\n` });
      const command = join(root, 'powermetrics.sh');
      chmodSync(command, 0o755);
      return { command, args: [join(root, 'sample')] };
    }

    test('its mean power times the length of its intervals is a counter', async () => {
      const command = script('for i in 1 2 3 4; do cat "$1"; done; exec sleep 30');
      const meter = powermetricsMeter(command);
      const seen: Reading[] = [];
      const newest = () => values(seen)['energyJoules:cpu'] ?? 0;
      const read = () => {
        seen.push(...meter.read());
        return newest();
      };
      await expect.poll(read).toBe(2);
      expect(values(seen)).toEqual({
        'energyJoules:cpu': 2,
        'energyJoules:gpu': expect.closeTo(0.4, 9),
        'energyJoules:ane': 0,
      });
      expect(meter.read()).toEqual([]);
      meter.close();
    });

    test('is tried once before it is believed', async () => {
      const good = script('[ "$2" = --sample-count ] && [ "$3" = 1 ] && cat "$1"');
      expect(await tryPowermetrics(good)).toEqual({ found: true, command: good });
      expect(await tryPowermetrics(script('echo "sudo: a password is required" >&2; exit 1'))).toEqual({
        found: false,
        reason: 'powermetrics is allowed (meters.powermetrics) but of no use: sudo: a password is required',
      });
      expect(await tryPowermetrics({ command: '/nowhere/sudo', args: [] })).toMatchObject({
        found: false,
        reason: expect.stringContaining('ENOENT'),
      });
    });
  },
);
