/**
 * An image of a root folder as an OCI layout (https://github.com/opencontainers/image-spec): written so that
 * the same files give the same digests, and unpacked again with each digest checked. One layer, for a root
 * that nobody builds on.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOfFile } from './attestation.js';

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** What a container of the image runs. */
export interface ImageConfig {
  /** Numeric, `uid:gid`. */
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly env: readonly string[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

const json = (value: unknown) => `${JSON.stringify(value)}\n`;
const fileOf = (layout: string, digest: string) => join(layout, 'blobs', digest.replace(':', '/'));

/** Moves a file to where its digest says. */
async function storeBlob(layout: string, file: string, mediaType: string): Promise<Descriptor> {
  const digest = `sha256:${await digestOfFile(file)}`;
  const { size } = statSync(file);
  renameSync(file, fileOf(layout, digest));
  return { mediaType, digest, size };
}

/**
 * @param layout is made
 * @param root its files become the layer, all of them root's
 * @param madeAt seconds since 1970; the time of every file
 * @returns the digest of the image's manifest
 */
export async function writeImage(
  layout: string,
  root: string,
  config: ImageConfig,
  madeAt: number,
): Promise<string> {
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const [tar, layer] = [join(layout, 'layer.tar'), join(layout, 'layer.tar.gz')];
  const same = ['--sort=name', `--mtime=@${madeAt}`, '--owner=0', '--group=0', '--numeric-owner'];
  execFileSync('tar', ['-cf', tar, '--format=gnu', ...same, '-C', root, '.']);
  const diffId = `sha256:${await digestOfFile(tar)}`;
  // Without its own name and time (-n), so that the same layer gives the same bytes.
  execFileSync('gzip', ['-n', '-f', tar]);
  const stored = await storeBlob(layout, layer, LAYER_TYPE);

  const store = (value: unknown, type: string) => {
    const file = join(layout, 'blob.json');
    writeFileSync(file, json(value));
    return storeBlob(layout, file, type);
  };
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const image = {
    created: new Date(madeAt * 1000).toISOString(),
    architecture,
    os: 'linux',
    config: { User: config.user, Entrypoint: config.entrypoint, Env: config.env, WorkingDir: '/tmp' },
    rootfs: { type: 'layers', diff_ids: [diffId] },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: await store(image, CONFIG_TYPE),
    layers: [stored],
  };
  const stated = await store(manifest, MANIFEST_TYPE);
  writeFileSync(join(layout, 'index.json'), json({ schemaVersion: 2, manifests: [stated] }));
  writeFileSync(join(layout, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  return stated.digest;
}

/** @returns the file of a blob. @throws Error where its size or digest are not those stated. */
async function blob(layout: string, { digest, size }: Descriptor): Promise<string> {
  const file = fileOf(layout, digest);
  if (statSync(file).size !== size || `sha256:${await digestOfFile(file)}` !== digest)
    throw new Error(`${file} is not what the image's index names: its size or digest differ`);
  return file;
}

/**
 * Unpacks an image as a container engine would.
 *
 * @param root is made
 * @throws Error where a size or digest differs from what the layout states
 */
export async function unpackImage(layout: string, root: string): Promise<ImageConfig> {
  const read = <T>(file: string) => JSON.parse(readFileSync(file, 'utf8')) as T;
  const { manifests } = read<{ manifests: [Descriptor] }>(join(layout, 'index.json'));
  const manifest = read<Manifest>(await blob(layout, manifests[0]));
  const { config } = read<{ config: { User: string; Entrypoint: string[]; Env: string[] } }>(
    await blob(layout, manifest.config),
  );
  mkdirSync(root, { recursive: true });
  for (const layer of manifest.layers)
    execFileSync('tar', ['-xpzf', await blob(layout, layer), '--numeric-owner', '-C', root]);
  return { user: config.User, entrypoint: config.Entrypoint, env: config.Env };
}
