/**
 * What it costs to read GPUs: eight devices of the stub library, each with the meters and the recorder of a
 * trial of its own, energy and power ten times a second. CPU time of this process with them and without, in
 * turns, since a timer's wake-up and a garbage collection belong to the price and an idle process's own do not.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nvmlMeters } from '../../../agent/meters/nvml.js';
import { Recorder } from '../../../agent/meters/recorder.js';
import { measurePeriods } from '../../../agent/meters/update-period.js';
import { buildNvmlStub, canBuildStub, forgetStub, H100, openScripted } from '../../support/nvml-stub.js';
import type { Figure } from '../figure.js';

const DEVICES = 8;
const MOST_SHARE = 0.005;

/** @param turns of measuring, each as long as one without; more make the figure steadier. */
export async function samplingCost({ turns = 4, turnSeconds = 5 } = {}): Promise<Figure> {
  const claim = `sampling ${DEVICES} GPUs at 10 Hz, CPU time`;
  const required = `under ${MOST_SHARE * 100} % of one core`;
  if (!canBuildStub) return { claim, measured: 'not measured: there is no gcc', required, holds: false };
  const processes = `${process.pid}:1000000`;
  const scripts = Array.from({ length: DEVICES }, (_, index) => [
    String(index),
    {
      uuid: `GPU-${index}`,
      ...H100,
      processes,
      'power.instant': '300000~7/0.02',
      energy: '1000000~7000/0.02',
    },
  ]);
  const nvml = await openScripted(buildNvmlStub(), Object.fromEntries(scripts));
  // As every agent does when it starts; its code is compiled from then on.
  await Promise.all(nvml.devices.map((device) => measurePeriods(nvmlMeters(device))));
  const alone: number[] = [];
  const sampling: number[] = [];
  let readings = 0;
  // The first turn is not counted: an agent runs for days.
  for (let turn = 0; turn <= turns; turn++) {
    const idle = await coresUsed(turnSeconds);
    const recorders = nvml.devices.map((device) => {
      const others = nvml.devices.filter((one) => one !== device);
      const recorder = new Recorder(nvmlMeters(device, others));
      recorder.attach({ processes: [{ pid: process.pid }], deviceId: device.uuid, cpus: [] });
      return recorder;
    });
    for (const recorder of recorders) {
      recorder.start();
      // Trials begin when they like: their timers do not fire together.
      await sleep(7);
    }
    const busy = await coresUsed(turnSeconds);
    for (const recorder of recorders) recorder.stop();
    if (turn === 0) continue;
    alone.push(idle);
    sampling.push(busy);
    readings += recorders
      .flatMap((recorder) => recorder.series(0).map(({ values }) => values.length))
      .reduce(sum, 0);
  }
  nvml.close();
  forgetStub();
  const share = mean(sampling) - mean(alone);
  const perReading = (share * turns * turnSeconds) / readings;
  return {
    claim,
    measured: `${percent(share)} (${percent(mean(sampling))} with, ${percent(mean(alone))} without; ${readings} readings, ${(perReading * 1e6).toFixed(1)} µs each)`,
    required,
    holds: share < MOST_SHARE && readings >= 0.8 * expectedReadings(turns * turnSeconds),
  };
}

/** Energy, and four that come with one call, ten times a second; nine more twice a second. */
function expectedReadings(seconds: number): number {
  return DEVICES * seconds * (10 * 5 + 2 * 9);
}

async function coresUsed(seconds: number): Promise<number> {
  const began = process.hrtime.bigint();
  const before = process.cpuUsage();
  await sleep(seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / (Number(process.hrtime.bigint() - began) / 1e9);
}

const sum = (a: number, b: number) => a + b;
const mean = (values: readonly number[]) => values.reduce(sum, 0) / values.length;
const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
