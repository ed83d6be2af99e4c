import type { JetStreamManager } from 'nats';
import { failed } from '../../../core/errors.js';

/**
 * Whether stream and account would take so many bytes more, by the limits that they state. Appends are compressed, so this
 * asks for more than one of that many bytes takes.
 * @throws FailureError `disk-full`, NatsError when the server does not answer.
 */
export async function checkRoom(manager: JetStreamManager, stream: string, bytes: number): Promise<void> {
  const { config, state } = await manager.streams.info(stream);
  const { limits, storage } = await manager.getAccountInfo();
  const full =
    (config.max_bytes > 0 && state.bytes + bytes > config.max_bytes) ||
    (config.max_msgs > 0 && state.messages >= config.max_msgs) ||
    (limits.max_storage > 0 && storage + bytes > limits.max_storage);
  if (!full) return;
  const hint = 'Give the stream or its account more storage; nothing was half-written.';
  throw failed('disk-full', `The JetStream stream ${stream} is full.`, hint);
}
