import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ResultRecord } from '../../core/result/result.js';
import { boards } from '../../dashboards/grafana/index.js';
import { buildReport } from '../../report/build.js';
import { phasesOf } from '../../report/roofline.js';
import { askBoard, emptiness, pointsOf, type Shown } from '../support/grafana/ask.js';
import { type ScrapedFleet, startScrapedFleet } from '../support/grafana/fleet.js';
import { INVALID_SWEEP, SERVING_SWEEP, TECHNIQUES_SWEEP } from '../support/grafana/sweeps.js';
import { canBuildStub } from '../support/nvml-stub.js';
import { installed, until } from '../support/services.js';

/** A simulated server has no cache of which it could tell, and drafts nothing. */
const UNTOLD =
  /^serving.json: "Inside the server": (query [CDEF] has no data|(there is no column|the column) (KV cache|prefix hits|accepted length|accepted drafts))/;
/** And it computes nothing, so that it has no place under roofs. */
const UNPLACED = /^roofline.json: "Servers: (percent of roof|model bandwidth utilization)"/;
const lacksOf = (shown: Shown[]) =>
  shown.flatMap(emptiness).filter((lack) => !UNTOLD.test(lack) && !UNPLACED.test(lack));

describe.skipIf(!installed('prometheus') || !canBuildStub)(
  'dashboards over a real sweep (needs prometheus and gcc)',
  () => {
    let fleet: ScrapedFleet;
    let observed: ResultRecord[];
    let records: ResultRecord[];
    let shown: Shown[];

    beforeAll(async () => {
      fleet = await startScrapedFleet();
      const start = Date.now() / 1000;
      observed = await fleet.run(TECHNIQUES_SWEEP);
      records = [...observed, ...(await fleet.run(INVALID_SWEEP))];
      await fleet.run(SERVING_SWEEP);
      // Scrapes are a second apart, and rates need two of them.
      shown = await until(
        'every panel to have data',
        async () => {
          const end = Date.now() / 1000;
          const asked: Shown[] = [];
          for (const board of boards()) {
            asked.push(...(await askBoard(fleet.prometheus.url, board, { start, end, step: 1 })));
          }
          shown = asked;
          return lacksOf(asked).length === 0 ? asked : null;
        },
        20,
      ).catch(() => shown);
    }, 240_000);
    afterAll(() => fleet?.stop());

    test('the sweeps went as they should', () => {
      const states = records.map(({ status, valid }) =>
        status === 'failed' ? status : valid ? 'valid' : 'invalid',
      );
      expect(states.filter((state) => state === 'valid').length).toBe(4);
      expect(states).toContain('failed');
      expect(states).toContain('invalid');
    });

    test('every query is answered, and every panel has something to draw', () => {
      expect(lacksOf(shown)).toEqual([]);
      expect(shown.length).toBeGreaterThan(40);
    });

    test('the roofline shows the places and roofs of the rows', () => {
      const chart = shown.find(({ panel }) => panel.title === 'Points on the roofs of their nodes');
      const drawn = (chart?.frames ?? []).filter(({ name }) => !name.startsWith('roof ')).flatMap(pointsOf);
      // A row's place is that of its number, which neighbours of the run adjust: a table of it has the same.
      const phases = buildReport(observed, { sweepName: 'observed', objectives: [] }).rows.flatMap(phasesOf);
      expect(phases.length).toBe(records.flatMap(({ roofline }) => roofline?.phases ?? []).length);
      expect(drawn.length).toBe(phases.length);
      const places = phases.map(({ intensity, flopsPerSecond }) => `${intensity} ${flopsPerSecond}`);
      expect(drawn.map(([x, y]) => `${x} ${y}`).sort()).toEqual(places.sort());
      for (const roof of (chart?.frames ?? []).filter(({ name }) => name.startsWith('roof '))) {
        const [slope, ridge, flat] = pointsOf(roof) as [[number, number], [number, number], [number, number]];
        expect(slope[1] / slope[0]).toBeCloseTo(ridge[1] / ridge[0], 3);
        expect(ridge[1]).toBe(flat[1]);
        expect(slope[0]).toBeLessThan(ridge[0]);
        expect(ridge[0]).toBeLessThan(flat[0]);
      }
    });
  },
);
