import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ridge, startRidge } from '../../../support/ridge.js';
import { fakeSweep } from '../../../support/sweeps.js';
import { aLease, aRecord } from '../../../support/wire-records.js';
import { Caller } from '../../doors/caller.js';
import { delimited } from '../../doors/messages.js';
import type { Check } from '../check.js';
import { costOf, type Ground, megabytes, recordsOf, submit, until, within } from '../ground.js';
import { cpuSeconds } from '../process-figures.js';
import { writeLog } from '../written-log.js';

const REFUSED = ['INVALID_ARGUMENT', 'NOT_FOUND', 'RESOURCE_EXHAUSTED'];
const SHIPPED_ADAPTER = 'builtin:small-pgdoc-r4';
/** CPU time that reading an adapter may cost, most of it starting the command and reading the model. */
const ADAPTER_SECONDS = 5;

export const serviceChecks: readonly Check[] = [
  {
    name: 'sigterm-agents',
    claim: 'agents outlive a coordinator that is told to end (SIGTERM), and come back to the next one',
    run: async (ground) => {
      const target = await ground.coordinator();
      const { agent } = ground.agent(target.grpcAddress, 'node-a');
      await within(30, 'the agent to connect', agent.says('connected to the coordinator'));
      target.running.process.kill('SIGTERM');
      await within(30, 'the coordinator to end', target.running.ended);
      const left = await until(5, async () => (agent.process.exitCode === null ? null : true));
      const again = await ground.coordinator(target.config);
      const control = ground.control(again);
      const sweepId = await submit(control, fakeSweep(1));
      const measured = await until(30, async () =>
        (await recordsOf(control, sweepId)).length > 0 ? true : null,
      );
      return {
        holds: left === null && measured === true,
        figure: `${left === null ? 'the agent lives' : `the agent ended with ${agent.process.exitCode}`}, ${measured === true ? 'it measures for the next coordinator' : 'the next coordinator has nobody'}`,
      };
    },
  },
  {
    name: 'disk-full',
    claim: 'a full log shows in /readyz, in the log and in /metrics',
    run: async (ground) => {
      const path = ground.path('small.sqlite');
      const target = await ground.coordinator({ log: { kind: 'sqlite', path, maxBytes: 600_000 } });
      const control = ground.control(target);
      await submit(control, fakeSweep(200));
      const agent = await ground.fakeAgent(target);
      let stored = 0;
      const noise = (): number[] => Array.from({ length: 3000 }, () => Math.random() / 64);
      const filling = (async () => {
        for (; stored < 200; stored += 1) {
          const lease = await within(5, 'a lease', agent.lease());
          await agent.send({ ...aRecord(lease, agent.profile), tokenSeconds: [noise()] });
          await within(5, 'an acknowledgement', agent.hear('resultAck'));
        }
      })();
      await filling.catch(() => undefined);
      const status = await until(10, async () => {
        const { status: code } = await fetch(`${target.metricsUrl}/readyz`);
        return code === 503 ? code : null;
      });
      const metrics = await (await fetch(`${target.metricsUrl}/metrics`)).text();
      const shown = /^ridgepoint_\w*log_\w*(fail\w*(\{.*\})? [1-9]|writable(\{.*\})? 0$)/m.test(metrics);
      const said = /full/i.test(target.running.stderr());
      return {
        holds: stored < 200 && status === 503 && shown && said,
        figure: `full after ${stored} results; /readyz ${status ?? 200}, ${said ? '' : 'not '}in the log, ${shown ? '' : 'not '}in /metrics`,
      };
    },
  },
  {
    name: 'adapter-patterns',
    claim: `an adapter with 40,000 patterns costs less than ${ADAPTER_SECONDS} s of CPU`,
    run: async (ground) => {
      const { folder, models } = await peftFolder(ground);
      const file = join(folder, 'adapter_config.json');
      const config = JSON.parse(readFileSync(file, 'utf8'));
      const ranks = Array.from({ length: 40_000 }, (_, index) => [
        `.*a[${index % 10}].${index.toString(36)}`,
        4,
      ]);
      writeFileSync(file, JSON.stringify({ ...config, rank_pattern: Object.fromEntries(ranks) }));
      const running = startRidge(
        ['adapt', 'inspect', 'adapter', '--models', models, '--model', 'builtin:small'],
        {
          cwd: models,
        },
      );
      ground.later(() => running.process.kill('SIGKILL'));
      let cpu = 0;
      const ended = await until(90, async () => {
        if (running.process.exitCode !== null) return await running.ended;
        cpu = cpuSeconds(running.process.pid ?? 0);
        return cpu > 4 * ADAPTER_SECONDS ? 'too long' : null;
      });
      const words =
        ended === null || ended === 'too long' ? 'not ended yet' : ended.stderr.trim().split('\n')[0];
      return {
        holds: cpu <= ADAPTER_SECONDS && typeof ended === 'object' && ended !== null,
        figure: `${cpu.toFixed(1)} s of CPU: ${words?.slice(0, 120)}`,
      };
    },
  },
  {
    name: 'long-id',
    claim: 'an id of 60 MB is not echoed, and costs less than 2 s of CPU',
    run: async (ground) => {
      const target = await ground.coordinator();
      const grpc = new Caller(target.grpcAddress, null);
      ground.later(() => grpc.close());
      let answer = { code: '', message: '' };
      const cost = await costOf(target, async () => {
        const bytes = delimited(1, Buffer.alloc(60e6, 'x'));
        const path = '/ridgepoint.v1.ControlService/CancelSweep';
        answer = await grpc.ask({ path, streams: 'neither', bytes }, null);
      });
      return {
        holds: REFUSED.includes(answer.code) && answer.message.length < 1000 && cost.cpuSeconds < 2,
        figure: `code ${answer.code}, ${answer.message.length} characters, ${cost.cpuSeconds.toFixed(1)} s of CPU, ${cost.seconds.toFixed(1)} s, peak +${megabytes(cost.peakBytes)}`,
      };
    },
  },
  {
    name: 'first-day-log',
    claim: 'results of a log whose sweep has another id in this release are listed and can be read',
    run: async (ground) => {
      const sweepId = 's0123456789abcdef';
      const path = ground.path('first-day.sqlite');
      const record = aRecord(aLease('t.first.day', { sweepId, sweepName: 'fake' }));
      const trials = [0, 1, 2, 3].map((position) => ({
        fact: 'ResultRecorded' as const,
        record: {
          ...record,
          trialId: `t.${sweepId}.${position}`,
          sweep: { ...record.sweep, id: sweepId, position },
        },
      }));
      await writeLog(path, [{ fact: 'SweepSubmitted', sweepId, document: fakeSweep(4) }, ...trials]);
      const target = await ground.coordinator({ log: { kind: 'sqlite', path } });
      const { grpcAddress } = target;
      const listed = await ridge(['sweeps', '--coordinator', grpcAddress]);
      const read = await ridge(['results', sweepId, '--all-trials', '--coordinator', grpcAddress]);
      const rows = read.stdout.split('\n').filter((line) => line.startsWith('{')).length;
      const shown = `${listed.stdout}${listed.stderr}`.includes(sweepId);
      return {
        holds: shown && rows === trials.length && read.code === 0,
        figure: `${shown ? '' : 'not '}listed, ${rows} of ${trials.length} results read, exit code ${read.code}`,
      };
    },
  },
];

/** A PEFT folder `adapter` in a model folder of its own, made by the command itself. */
async function peftFolder(ground: Ground): Promise<{ folder: string; models: string }> {
  const models = ground.path('models');
  mkdirSync(models);
  const words = ['adapt', 'convert', SHIPPED_ADAPTER, 'adapter', '--model', 'builtin:small'];
  const made = await ridge(words, { cwd: models });
  if (made.code !== 0) throw new Error(`the adapter could not be made: ${made.stderr}`);
  return { folder: join(models, 'adapter'), models };
}
