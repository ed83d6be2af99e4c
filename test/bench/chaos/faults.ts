import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../simulate/world.js';
import type { Fleet } from './fleet.js';
import type { Ground, Place } from './ground.js';
import type { Member } from './member.js';
import type { Store } from './stores.js';

type Role = 'coordinator' | 'store' | 'agent';

/** One fault, as the seed has it. */
export interface Fault {
  readonly what: 'kill' | 'stop' | 'unplug' | 'cut' | 'fill' | 'jump' | 'promote';
  readonly on: Role;
  /** Of its role; of coordinators 0 is whoever leads then, and the others follow in their order. */
  readonly index: number;
  /** How long it lasts. */
  readonly seconds: number;
  /** How far the wall clock is off. */
  readonly jump: number;
}

/** Which faults this ground and this store allow, and how often each comes. */
export function kindsOf(ground: Ground, store: Store): Fault['what'][] {
  const kinds: [Fault['what'], number, boolean][] = [
    ['kill', 8, true],
    ['stop', 5, true],
    ['unplug', 4, ground.canCut],
    ['cut', 3, ground.canCut],
    ['fill', 2, ground.canFill],
    ['jump', 2, ground.canJump],
    ['promote', 2, store.promote !== null],
  ];
  return kinds.flatMap(([kind, weight, allowed]) => (allowed ? Array<Fault['what']>(weight).fill(kind) : []));
}

/** @param counts members of each role. @returns the faults of a seed: the same for the same arguments. */
export function faultsOf(
  seed: number,
  count: number,
  kinds: readonly Fault['what'][],
  counts: Readonly<Record<Role, number>>,
): Fault[] {
  const random = new Random(seed);
  const everything = (['coordinator', 'store', 'agent'] as const).flatMap((on) =>
    Array.from({ length: counts[on] }, (_, index) => ({ on, index })),
  );
  let turn: typeof everything = [];
  return Array.from({ length: count }, () => {
    const what = random.pick(kinds);
    // Everything is killed in turn, in an order of its own each time around.
    if (what === 'kill') {
      if (turn.length === 0) turn = shuffled(everything, random);
      return { what, ...turn.pop()!, seconds: random.between(0.1, 2), jump: 0 };
    }
    const roles: Record<Exclude<Fault['what'], 'kill'>, readonly Role[]> = {
      stop: ['coordinator', 'coordinator', 'store', 'agent'],
      unplug: ['coordinator', 'coordinator', 'store', 'agent'],
      cut: ['coordinator', 'coordinator', 'store'],
      fill: ['store', 'agent'],
      jump: ['coordinator', 'agent'],
      promote: ['store'],
    };
    const on = random.pick(roles[what]);
    const leads = random.chance(0.4) && on === 'coordinator';
    const index = leads ? 0 : random.whole(counts[on]);
    // Some outlast the lease of a trial.
    const seconds = random.chance(0.15) ? random.between(8, 12) : random.between(0.3, 4);
    return {
      what,
      on,
      index,
      seconds,
      jump: what === 'jump' ? Math.round(random.between(-1, 1) * 10 ** random.between(0, 5)) : 0,
    };
  });
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((one) => ({ one, by: random.next() }))
    .sort((a, b) => a.by - b.by)
    .map(({ one }) => one);
}

export interface Fleeting {
  readonly ground: Ground;
  readonly store: Store;
  readonly fleet: Fleet;
}

/** Carries a fault out, and undoes it. @returns a sentence: what was done */
export async function carryOut(fault: Fault, { ground, store, fleet }: Fleeting): Promise<string> {
  const { what, on, index, seconds, jump } = fault;
  const member = await targetOf(fault, store, fleet);
  const { place } = member;
  const during = (begin: () => unknown, end: () => unknown) =>
    member.during(async () => {
      await begin();
      await sleep(1000 * seconds);
      await end();
    });
  const lasted = `for ${seconds.toFixed(1)} s`;
  switch (what) {
    case 'kill':
      await during(
        () => fleet.kill(member),
        () => member.start(),
      );
      return `${place.name} killed, away ${lasted}`;
    case 'stop':
      await during(
        () => member.signal('SIGSTOP'),
        () => member.signal('SIGCONT'),
      );
      return `${place.name} stopped ${lasted}`;
    case 'unplug':
      await during(
        () => ground.unplug(place, false),
        () => ground.unplug(place, true),
      );
      return `${place.name} cut off ${lasted}`;
    case 'cut': {
      // A coordinator from the whole store, while agents reach it; a server of the store from another one.
      const servers = store.servers.map((server) => server.place);
      const others: Place[] =
        on === 'coordinator' ? servers : [servers[(index + 1) % servers.length] ?? place];
      await during(
        () => ground.cut(place, others),
        () => ground.mend(place, others),
      );
      return `${place.name} cut off from ${others.map(({ name }) => name).join(', ')} ${lasted}`;
    }
    case 'fill':
      await during(
        () => ground.fill(place),
        async () => {
          ground.free(place);
          // Servers give up writing where they found no room, until somebody who has made some starts them
          // again.
          if (on !== 'store') return;
          await member.kill();
          member.start();
        },
      );
      return `the disk of ${place.name} full ${lasted}`;
    case 'jump':
      // Others may come meanwhile.
      ground.jump(place, jump);
      await sleep(1000 * seconds);
      ground.jump(place, 0);
      return `the clock of ${place.name} off by ${jump} s ${lasted}`;
    case 'promote': {
      const [one, other] = store.servers;
      await one?.during(async () => await other?.during(async () => await store.promote?.()));
      return 'the standby promoted, and the old primary made its standby';
    }
  }
}

async function targetOf({ on, index }: Fault, store: Store, fleet: Fleet): Promise<Member> {
  if (on === 'agent') return fleet.agents[index]!;
  if (on === 'store') return store.servers[index]!;
  const leader = await fleet.leader();
  const order = [...(leader === null ? [] : [leader]), ...fleet.coordinators.filter((one) => one !== leader)];
  return order[index]!;
}
