import { expect, test } from 'vitest';
import { type CalibrationPoint, calibrateHost } from '../../../roofline/step/calibrate.js';
import { type HostTimes, NO_HOST } from '../../../roofline/step/setting.js';

const TRUE: HostTimes = {
  ...NO_HOST,
  kernelFactor: 1.15,
  stepSeconds: 3e-3,
  tokenSeconds: 6e-6,
  requestSeconds: 0.06,
};

/** Seconds between tokens of so many sequences, and until the first one behind so many steps. */
const stepSeconds = (kernels: number, newTokens: number) => (host: HostTimes) =>
  kernels * (host.kernelFactor ?? 1) + (host.stepSeconds ?? 0) + newTokens * (host.tokenSeconds ?? 0);
const firstSeconds = (kernels: number, steps: number) => (host: HostTimes) =>
  kernels * (host.kernelFactor ?? 1) + steps * (host.stepSeconds ?? 0) + (host.requestSeconds ?? 0);

const measured = (secondsUnder: CalibrationPoint['secondsUnder']): CalibrationPoint => ({
  measuredSeconds: secondsUnder(TRUE),
  secondsUnder,
});

const THREE = [
  [0.006, 1, 0.02, 1],
  [0.012, 64, 0.15, 4],
  [0.025, 256, 0.9, 20],
] as const;
const points = THREE.flatMap(([token, sequences, first, steps]) => [
  measured(stepSeconds(token, sequences)),
  measured(firstSeconds(first, steps)),
]);

test('three measured points, made of known times, are met, between them and beyond', () => {
  const host = calibrateHost(points, NO_HOST);
  for (const { secondsUnder, measuredSeconds } of points)
    expect(secondsUnder(host) / measuredSeconds).toBeCloseTo(1, 1);
  const between = stepSeconds(0.018, 128);
  expect(between(host) / between(TRUE)).toBeCloseTo(1, 1);
  expect(host.source).toBe('calibrated by 6 measured times');
});

test('what the points do not tell stays where it is believed to be', () => {
  const before = { ...NO_HOST, requestSeconds: 0.05 };
  const { requestSeconds } = calibrateHost([measured(stepSeconds(0.01, 8))], before);
  expect(requestSeconds).toBeCloseTo(0.05, 6);
});

test('points that no times explain leave a wide spread', () => {
  const noisy = points.map((point, i) => ({
    ...point,
    measuredSeconds: point.measuredSeconds * (i === 2 || i === 3 ? 0.25 : 2),
  }));
  expect(calibrateHost(noisy, NO_HOST).spread).toBeGreaterThan(
    2 * (calibrateHost(points, NO_HOST).spread ?? 0),
  );
});
