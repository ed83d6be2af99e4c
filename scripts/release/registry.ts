/**
 * The registry that a release is tried against: verdaccio on loopback, which has our packages alone and asks
 * npm's registry for everything else. It is a package of its own (scripts/release/registry).
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, until } from '../../test/support/services.js';
import { installApart } from '../install-apart.mjs';

const HERE = join(dirname(fileURLToPath(import.meta.url)), 'registry');
const START_SECONDS = 60;

export interface Registry {
  readonly url: string;
  /** @throws Error where npm or the registry refuse an archive. */
  publish(archive: string): void;
  stop(): Promise<void>;
}

/** Nobody but this machine reaches it, and anybody on it may publish: it lives for minutes. */
const configuration = (folder: string, upstream: string) =>
  `
storage: ${join(folder, 'storage')}
max_body_size: 200mb
uplinks:
  npm: { url: "${upstream}", timeout: 120s }
packages:
  'ridgepoint': { access: $all, publish: $all }
  '@ridgepoint/*': { access: $all, publish: $all }
  '**': { access: $all, proxy: npm }
log: { type: stdout, format: pretty, level: warn }
`.trimStart();

/**
 * Starts the registry.
 *
 * @param folder is made; holds its configuration, packages and log
 * @throws Error where it does not start within a minute
 */
export async function startRegistry(folder: string): Promise<Registry> {
  installApart(HERE, 'a registry of npm packages');
  mkdirSync(folder, { recursive: true });
  const upstream = spawnSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).stdout.trim();
  const file = join(folder, 'verdaccio.yaml');
  writeFileSync(file, configuration(folder, upstream));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const log = join(folder, 'verdaccio.log');
  const output = openSync(log, 'w');
  const program = join(HERE, 'node_modules/verdaccio/bin/verdaccio');
  const registry = spawn(process.execPath, [program, '--config', file, '--listen', `127.0.0.1:${port}`], {
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const ended = new Promise<void>((resolve) => registry.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    registry.kill('SIGTERM');
    await ended;
  };
  try {
    await until(
      `the registry's first answer (see ${log})`,
      async () => ((await fetch(`${url}/-/ping`)).ok ? true : null),
      START_SECONDS,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  // npm publishes to nobody without a token; this registry takes any.
  const npmrc = join(folder, 'npmrc');
  writeFileSync(npmrc, `registry=${url}/\n//127.0.0.1:${port}/:_authToken=any\n`);
  return {
    url,
    stop,
    publish(archive) {
      const words = ['publish', '--silent', '--ignore-scripts', '--access', 'public', '--userconfig', npmrc];
      const { status, stderr } = spawnSync('npm', [...words, archive], {
        encoding: 'utf8',
        env: { ...process.env, npm_config_registry: url },
      });
      if (status !== 0) throw new Error(`npm publish ${archive} ended with ${status}: ${stderr.trim()}`);
    },
  };
}
