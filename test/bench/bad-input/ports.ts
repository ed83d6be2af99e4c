import { createServer, type Server } from 'node:net';
import { refused } from './expectations.js';
import type { Case } from './ground.js';
import { fakeSweep } from './sweep.js';

const COORDINATOR = ['coordinator', '--data', 'data'];
const COMMANDS: Record<string, readonly string[]> = {
  'ridge coordinator --listen': [...COORDINATOR, '--web', 'off', '--metrics', 'off', '--listen'],
  'ridge coordinator --metrics': [...COORDINATOR, '--web', 'off', '--listen', '127.0.0.1:0', '--metrics'],
  'ridge coordinator --web': [...COORDINATOR, '--metrics', 'off', '--listen', '127.0.0.1:0', '--web'],
  'ridge agent --metrics': ['agent', '--data', 'data', '--coordinator', '127.0.0.1:9', '--metrics'],
  'ridge run --metrics': ['run', 'sweep.yaml', '--out', 'out', '--metrics'],
  'ridge run --web': ['run', 'sweep.yaml', '--out', 'out', '--web'],
};

export const PORT_CASES: readonly Case[] = Object.entries(COMMANDS).map(([name, args]) => ({
  name: `7 a port in use: ${name}`,
  async run(ground) {
    ground.write('sweep.yaml', fakeSweep(1, 1));
    const { server, address } = await occupied();
    try {
      const finished = await ground.ridge([...args, address], {}, 40);
      return refused(finished, { code: 1, says: [`${address} is in use already`] });
    } finally {
      server.close();
    }
  },
}));

async function occupied(): Promise<{ server: Server; address: string }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = server.address();
  return { server, address: `127.0.0.1:${typeof at === 'object' && at !== null ? at.port : 0}` };
}
