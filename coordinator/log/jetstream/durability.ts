import { nanos } from 'nats';
import { z } from 'zod';
import { ask } from '../../../proto/http/ask.js';
import type { Durability } from '../log.js';

/** What a monitoring address says of the server (`/varz`); nanoseconds. */
const varz = z.object({
  version: z.string(),
  jetstream: z.object({
    config: z
      .object({ sync_interval: z.number().nonnegative(), sync_always: z.boolean().optional() })
      .partial(),
  }),
});

/** The server's own, where it says none: NATS 2.12 to 2.15. */
const USUAL_SYNC = nanos(120_000);
const PATIENCE_SECONDS = 5;
const MOST_BYTES = 1024 * 1024;

/**
 * What a stream survives: servers acknowledge what their system has taken, and sync every `sync_interval`,
 * which only a monitoring address tells.
 * @param monitor `http://HOST:8222`; null = none is known.
 */
export async function durabilityOf(monitor: string | null, replicas: number): Promise<Durability> {
  const others = replicas > 1 ? ` and ${replicas - 1} ${replicas === 2 ? 'other' : 'others'}` : '';
  if (monitor === null) {
    const hint = 'name the monitoring address of the server as `monitor`';
    return unknown(`whether the server${others} syncs what is acknowledged, nobody here can tell: ${hint}`);
  }
  let config: z.infer<typeof varz>['jetstream']['config'];
  try {
    const { text } = await ask(new URL('/varz', monitor), {
      seconds: PATIENCE_SECONDS,
      mostBytes: MOST_BYTES,
    });
    config = varz.parse(JSON.parse(text)).jetstream.config;
  } catch (error) {
    const reason = error instanceof z.ZodError ? 'it says nothing of JetStream' : inWords(error as Error);
    return unknown(`the monitoring address ${monitor} cannot be read: ${reason}`);
  }
  if (config.sync_always === true) {
    return {
      level: 'synced',
      sentence: `Each append is synced by the server${others} before it is acknowledged.`,
    };
  }
  const seconds = (config.sync_interval ?? USUAL_SYNC) / 1e9;
  const loss =
    replicas > 1 ? `A power cut of most of its ${replicas} servers at once` : 'A power cut of the server';
  const sentence = `${loss} may cost what was acknowledged in the last ${seconds} s: set sync_interval to always there.`;
  return { level: 'delayed', sentence };
}

function unknown(why: string): Durability {
  return { level: 'unknown', sentence: `Durability unknown: ${why}.` };
}

function inWords({ message, cause }: Error): string {
  return (cause instanceof Error ? cause.message : message).replace(/[.\s]+$/, '');
}
