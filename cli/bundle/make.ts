import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hexOf } from '../../core/digest.js';
import { groupBy } from '../../core/maps.js';
import { bodiesOf } from '../../core/result/bodies.js';
import type { ResultRecord } from '../../core/result/result.js';
import { regraded } from '../../judgement/regrade.js';
import { VERSION } from '../../process/package.js';
import type { ControlConnection } from '../../proto/client.js';
import { WireError } from '../../proto/errors.js';
import type { SweepStatus } from '../../proto/gen/ridgepoint/v1/control.js';
import { buildReport } from '../../report/build.js';
import { publishedOf } from '../../report/published.js';
import { withNamedSweep } from '../connection.js';
import { usageError } from '../exit.js';
import { agentConfig } from '../node-config.js';
import { say } from '../output/print.js';
import { isLog, readWhole } from '../report/log-file.js';
import { type BundleFiles, packed, sha256 } from '../report/packed/container.js';
import { recordOf, requestIn, writeWhole } from '../report/run-folder.js';
import { fetchRun, sayLeftOut } from '../results/fetched.js';
import { outputPath } from '../single/output-path.js';
import type { BundleOptions } from './command.js';
import { bodyFile, type Contents, contentsOf } from './contents.js';
import { signed } from './keys.js';
import { BUNDLE_SCHEMA, entriesOf, MANIFEST, type Manifest, SIGNATURE } from './manifest.js';

/** Where things stand in a bundle. */
export const IN_BUNDLE = {
  trials: 'trials.jsonl',
  published: 'published.jsonl',
  environment: 'environment.json',
  sweep: 'sweep.yaml',
} as const;

interface MakeOptions extends BundleOptions {
  readonly output: string;
  /** What a coordinator pins its sweep for: `bundle lab.bundle`. */
  readonly pinReason: string;
}

/** `ridge bundle`: everything of some results in one file. A sweep of a coordinator is pinned there. */
export async function makeBundle(sources: readonly string[], options: MakeOptions): Promise<void> {
  const output = outputPath(options.output, options.force === true);
  const { files, manifest } = await gathered(sources, options);
  const signature = options.key === undefined ? null : signed(files.get(MANIFEST)!, options.key);
  const bytes = packed(signature === null ? files : new Map([...files, [SIGNATURE, signature]]));
  writeWhole(output, bytes);
  const { trials, missing } = manifest;
  const how =
    signature === null
      ? 'unsigned: who has it can make another (--key signs it)'
      : `signed by ${JSON.parse(signature.toString()).key}`;
  say(
    `wrote ${options.output}: ${trials} trials, ${manifest.files.length} files, sha256 ${sha256(bytes)}; ${how}`,
  );
  if (missing.length > 0)
    say(`${missing.length} files of answers or calls are nowhere any more; the manifest names them`);
}

async function gathered(
  sources: readonly string[],
  options: MakeOptions,
): Promise<ReturnType<typeof filled>> {
  const fetched = mkdtempSync(join(tmpdir(), 'ridgepoint-bundle-'));
  try {
    const contents = sources.map((source, i) => sourceContents(source, options, join(fetched, String(i))));
    return filled((await Promise.all(contents)).flat());
  } finally {
    rmSync(fetched, { recursive: true, force: true });
  }
}

/** @param folder that takes what a coordinator has */
async function sourceContents(source: string, options: MakeOptions, folder: string): Promise<Contents[]> {
  if (isLog(source)) {
    const { documents, records } = await readWhole(source);
    return [...new Set(records.map(({ sweep }) => sweep.id))].map((id) => ({
      name: `${source} ${id}`,
      lines: soundLines(
        records.filter(({ sweep }) => sweep.id === id).map((record) => JSON.stringify(record)),
      ),
      document: documents.get(id) ?? null,
      bodies: [],
    }));
  }
  if (existsSync(source)) return [contentsOf(source)];
  return await withNamedSweep(source, options, async (control, sweep) => {
    await fetchRun(control, sweep.sweepId, folder, { allTrials: true });
    if (options.pin) await pin(control, sweep, options.pinReason);
    return [{ ...contentsOf(folder), name: sweep.name }];
  });
}

/** What is bundled stays where its answers and its later trials are. Who may only read is told. */
async function pin(
  control: ControlConnection,
  { sweepId, name, pinned }: SweepStatus,
  reason: string,
): Promise<void> {
  if (pinned !== '') return;
  try {
    await control.pinSweep({ sweepId, reason, unpin: false });
    say(`pinned ${name} on the coordinator: it is not deleted before \`ridge sweeps unpin ${sweepId}\``);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    say(`the coordinator did not pin ${name} and may delete it; the bundle has all of it: ${error.message}`);
  }
}

/** @returns the lines of a log that are results. Others, which a node spoiled, are named and left out. */
function soundLines(lines: readonly string[]): string[] {
  const left: string[] = [];
  const sound = lines.filter((line) => {
    const record = recordOf(line);
    if (typeof record === 'string') left.push(record);
    return typeof record !== 'string';
  });
  sayLeftOut(left);
  return sound;
}

/**
 * @returns the files of a bundle, its manifest first.
 * @throws CommandError (2) for a line that is no record, or none at all.
 */
export function filled(contents: readonly Contents[]): {
  readonly files: BundleFiles;
  readonly manifest: Manifest;
} {
  const trials = new Map<string, { readonly line: string; readonly record: ResultRecord }>();
  for (const { name, lines } of contents) {
    for (const [i, line] of lines.entries()) {
      const record = recordOf(line);
      if (typeof record === 'string') throw usageError(`${name}:${i + 1}: ${record}`);
      if (!trials.has(record.trialId)) trials.set(record.trialId, { line, record });
    }
  }
  if (trials.size === 0)
    throw usageError(
      'there are no results to bundle',
      'Name a folder of `ridge run`, a results.jsonl, a log or a sweep.',
    );
  const records = [...trials.values()].map(({ record }) => record);
  const documents = [...new Set(contents.flatMap(({ document }) => document ?? []))];
  const files = new Map<string, Buffer>();
  const jsonl = (values: readonly unknown[]) =>
    Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
  files.set(IN_BUNDLE.trials, Buffer.from([...trials.values()].map(({ line }) => `${line}\n`).join('')));
  files.set(IN_BUNDLE.published, jsonl(publishedOf(reportOf(records, documents[0] ?? null))));
  files.set(IN_BUNDLE.environment, Buffer.from(`${JSON.stringify(environmentsOf(records), null, 2)}\n`));
  for (const [i, document] of documents.entries())
    files.set(i === 0 ? IN_BUNDLE.sweep : `sweeps/${i + 1}.yaml`, Buffer.from(document));
  const missing = addBodies(files, records, contents);
  const manifest: Manifest = {
    schema: BUNDLE_SCHEMA,
    version: VERSION,
    sweeps: [...new Set(records.map(({ sweep }) => sweep.name))],
    trials: records.length,
    models: modelsOf(records),
    missing,
    files: entriesOf(files),
  };
  const text = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
  return { files: new Map([[MANIFEST, text], ...files]), manifest };
}

/**
 * @returns the report that a bundle publishes. @param document of its sweep, which says how rows are shown.
 */
export function reportOf(records: readonly ResultRecord[], document: string | null) {
  return buildReport(
    records.map((record) => regraded(record)),
    requestIn(document, records[0]?.sweep.name ?? ''),
  );
}

/** @returns the digests that are nowhere. */
function addBodies(
  files: Map<string, Buffer>,
  records: readonly ResultRecord[],
  contents: readonly Contents[],
): string[] {
  const wanted = new Map(
    records.flatMap(bodiesOf).map((body) => [`${body.kind}/${hexOf(body.digest)}.jsonl`, body]),
  );
  if (wanted.size === 0) return [];
  const { cacheFolder } = agentConfig(undefined);
  const missing: string[] = [];
  for (const [path, { kind, digest }] of [...wanted].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const folders = contents.flatMap(({ bodies }) =>
      bodies.filter((one) => one.kind === kind).map(({ folder }) => folder),
    );
    const file = bodyFile([...folders, join(cacheFolder, kind)], digest);
    if (file === null) missing.push(digest);
    else files.set(path, readFileSync(file));
  }
  return missing;
}

/** Each machine with each state that it was in. */
function environmentsOf(records: readonly ResultRecord[]): object[] {
  const stateOf = ({ node, device, environment }: ResultRecord) => ({ node, device, environment });
  return [...groupBy(records, (record) => JSON.stringify(stateOf(record))).values()].map((own) => ({
    ...stateOf(own[0]!),
    trials: own.length,
  }));
}

function modelsOf(records: readonly ResultRecord[]): Manifest['models'] {
  const found = new Map<string, string>();
  for (const { experiment, artifact } of records) {
    const { name, digest } = experiment.model;
    if (digest !== null) found.set(digest, name);
    for (const step of artifact?.steps ?? []) found.set(step.digest, `${name} ${step.recipe}`);
    if (artifact != null && !found.has(artifact.digest)) found.set(artifact.digest, name);
  }
  return [...found]
    .map(([digest, name]) => ({ name, digest }))
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
}
