// An agent in a process of its own: session and spool of the built package, trials of known durations that
// compute nothing, and a journal of what it was granted, began, ended, reported and had acknowledged. Its
// argument is a `Task` of fleet.ts as JSON.
import { appendFileSync } from 'node:fs';
import { Session } from '../../../dist/agent/session.js';
import { Spool } from '../../../dist/agent/spool.js';
import { connectAgents } from '../../../dist/proto/client.js';
import { AgentServiceClient } from '../../../dist/proto/gen/ridgepoint/v1/agents.js';
import { requestsOf, responsesOf } from '../../../dist/proto/several.js';

const { name, addresses, spoolFolder, journal, profile, template, seconds } = JSON.parse(process.argv[2]);
/** The clock is that of the machine, which all processes share, and nobody sets. */
const note = (what, more = {}) =>
  appendFileSync(
    journal,
    `${JSON.stringify({ at: Number(process.hrtime.bigint()), node: name, what, ...more })}\n`,
  );
note('started');
const quiet = () => undefined;
const spool = await Spool.open(spoolFolder, (trouble) => {
  const trialId = /result of (\S+) is kept in memory only/.exec(trouble)?.[1];
  note(trialId === undefined ? 'trouble' : 'unwritten', { trialId, trouble });
});
const running = new Map();

async function end(lease) {
  const { trialId, experiment, sweepId: id, sweepName, position, block, purpose, attempt, start } = lease;
  note('ended', { trialId });
  const sweep = { id, name: sweepName, position, block, purpose, attempt, ...(start && { start }) };
  const record = { ...template, trialId, experimentId: experiment.id, sweep, experiment };
  await spool.put(record);
  running.delete(trialId);
  void session.report(record);
  session.askAgain();
}

const trials = {
  get trialIds() {
    return [...running.keys()];
  },
  get runningCount() {
    return running.size;
  },
  isFree: () => running.size === 0,
  begin(lease) {
    const { trialId, position } = lease;
    if (running.has(trialId)) return;
    const long = position % seconds.longEvery === seconds.longEvery - 1;
    const lasts = long ? seconds.long : seconds.short * (0.5 + ((position * 7919) % 1000) / 1000);
    running.set(
      trialId,
      setTimeout(() => void end(lease), 1000 * lasts),
    );
    note('began', { trialId, lasts });
  },
  stop(trialId) {
    if (!running.has(trialId)) return;
    clearTimeout(running.get(trialId));
    running.delete(trialId);
    note('stopped', { trialId });
    session.askAgain();
  },
};

/** Address of the coordinator to which the newest stream goes: the connection finds it, and tells nobody. */
let by = null;
const { session: open } = AgentServiceClient.prototype;
AgentServiceClient.prototype.session = function session(...words) {
  by = this.getChannel().getTarget().replace(/^dns:/, '');
  return open.apply(this, words);
};

function came({ $case, value }) {
  if ($case === 'welcome') note('welcome', { by });
  if ($case === 'lease') {
    const { sweepId, position, purpose, start } = JSON.parse(value.leaseJson);
    const point = `${sweepId} ${position} ${start ?? 1}`;
    note('granted', { trialId: value.trialId, point, purpose, by });
  }
  if ($case === 'resultAck') note('acknowledged', { trialId: value.trialId, by });
  if ($case === 'resultRefused') note('refused', { trialId: value.trialId, reason: value.reason, by });
}

/** What goes over the wire is noted before it is sent, and after it has come. */
function noted(connection) {
  return {
    ...connection,
    session(signal) {
      const stream = connection.session(signal);
      return {
        send(request) {
          for (const { message } of requestsOf(request)) {
            const { $case, value } = message;
            if ($case === 'hello') note('hello', { trials: value.runningTrialIds });
            if ($case === 'leaseRequest') note('asked');
            // The stream is open by then: it began with hello and welcome.
            if ($case === 'result') note('reported', { trialId: value.trialId, by });
          }
          return stream.send(request);
        },
        end: () => stream.end(),
        async *[Symbol.asyncIterator]() {
          for await (const response of stream) {
            for (const { message } of responsesOf(response)) came(message ?? {});
            yield response;
          }
        },
      };
    },
  };
}

const connection = noted(connectAgents({ address: addresses, security: { kind: 'plaintext' } }));
const session = new Session({ profile, connection, trials, spool, onDrain: quiet, log: quiet });
process.stdout.write('ready\n');
await session.run();
