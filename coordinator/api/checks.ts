import { ID_CHARACTERS, NAME_CHARACTERS } from '../../core/bounds.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { quote } from '../../core/quote.js';
import { invalid } from '../../proto/errors.js';
import type { SessionRequest } from '../../proto/gen/ridgepoint/v1/agents.js';
import type { ProcessHealth } from '../../proto/gen/ridgepoint/v1/health.js';

/** Trials that a node names beyond one for each device: one that is stopping, while the next one begins. */
const BEYOND_DEVICES = 16;

/**
 * What an agent says beside its records, checked before anybody acts on it; records are checked when they are
 * parsed.
 * @throws WireError `invalid` for what no agent says; its session ends.
 */
export function checkMessage(message: SessionRequest['message'], profile: NodeProfile): void {
  switch (message?.$case) {
    case 'hello':
      checkText('instance', message.value.instance, ID_CHARACTERS);
      checkTrials(message.value.runningTrialIds, profile);
      message.value.endedTrialIds.forEach(checkTrial);
      checkHealth(message.value.health);
      return;
    case 'leaseRequest': {
      const { deviceId } = message.value;
      if (profile.devices.some(({ id }) => id === deviceId)) return;
      throw invalid(`${profile.name} has no device ${quote(deviceId)}.`);
    }
    case 'heartbeat':
      checkText('state', message.value.state, NAME_CHARACTERS);
      checkTrials(message.value.trialIds, profile);
      checkHealth(message.value.health);
      return;
    case 'leaving':
      checkTrials(message.value.returnedTrialIds, profile);
      return;
    case 'progress': {
      const { trialId, phase, elapsedSeconds } = message.value;
      checkTrial(trialId);
      checkText('phase', phase, NAME_CHARACTERS);
      if (Number.isFinite(elapsedSeconds) && elapsedSeconds >= 0) return;
      throw invalid(`A trial does not run for ${elapsedSeconds} s.`);
    }
    case 'result':
      checkTrial(message.value.trialId);
      return;
    case 'several':
      for (const one of message.value.requests) checkMessage(one.message, profile);
      return;
    case undefined:
      return;
  }
}

function checkTrials(trialIds: readonly string[], { name, devices }: NodeProfile): void {
  const most = devices.length + BEYOND_DEVICES;
  if (trialIds.length > most) {
    throw invalid(
      `${name} names ${trialIds.length} trials; with ${devices.length} devices it can run ${most} at most.`,
    );
  }
  trialIds.forEach(checkTrial);
}

function checkTrial(trialId: string): void {
  if (trialId.length <= ID_CHARACTERS && /^[\x21-\x7e]+$/.test(trialId)) return;
  throw invalid(`${quote(trialId)} is not a trial id.`);
}

function checkHealth(health: ProcessHealth | undefined): void {
  if (health === undefined) return;
  checkText('version', health.version, NAME_CHARACTERS);
  checkText('end of the certificate', health.certificateEndsAt, NAME_CHARACTERS);
  const { clockUnixMilliseconds, freeDiskBytes = 0, oldestWaitingSeconds } = health;
  for (const number of [clockUnixMilliseconds, freeDiskBytes, oldestWaitingSeconds]) {
    if (!Number.isFinite(number) || number < 0) throw invalid(`${number} is no time, and no size of a disk.`);
  }
  if (health.certificateEndsAt !== '' && Number.isNaN(Date.parse(health.certificateEndsAt)))
    throw invalid(`${quote(health.certificateEndsAt)} is no time at which a certificate could end.`);
}

function checkText(what: string, text: string, most: number): void {
  if (text.length <= most) return;
  throw invalid(`The ${what} has ${text.length} characters; it may have ${most}.`);
}
