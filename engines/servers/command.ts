import { failed } from '../../core/errors.js';
import type { Options } from '../../core/experiment/experiment.js';
import { pathWord } from '../../core/input/shell-word.js';
import { quote } from '../../core/quote.js';
import { SERVER_OPTION_NAMES } from '../../core/runners/server/options.js';
import type { OptionArguments, ServerProfile } from '../../core/runners/server/profile.js';
import { ownProgram } from '../../process/isolation/own-program.js';
import type { ConfiguredServer } from './config.js';

/** What a command line is made of beside the profile. */
export interface CommandParts {
  readonly options: Options;
  /** Path of the file to serve; null for servers that are told none. */
  readonly modelPath: string | null;
  /** What requests call it. */
  readonly modelName: string;
  readonly adapters: readonly { readonly path: string; readonly source: string; readonly scale: number }[];
  /** Adapters that requests choose among, in the order they are loaded. */
  readonly loras: readonly { readonly name: string; readonly path: string }[];
  /** Path of the model that drafts; null = none. */
  readonly draftPath: string | null;
  /** Logical CPUs of the device. */
  readonly cpus: number;
  readonly deviceClass: string;
}

/** Stands for the port until the server is started. */
export const PORT = '{port}';

/**
 * @returns the whole command line of a server at a point; the port is still `{port}`, so that two points with
 *   equal arguments have equal lines.
 * @throws FailureError `impossible-combination` for a value that the server does not know, or would take for
 *   an option.
 */
export function commandLine(server: ConfiguredServer, parts: CommandParts): readonly string[] {
  const { profile, command } = server;
  if (command === null) return [];
  const filled = (args: readonly string[], value = '') =>
    args.map((argument) => fill(argument, parts, value));
  const options = SERVER_OPTION_NAMES.flatMap((name) => {
    const [option, value] = [profile.options[name], spelled(name, parts)];
    if (option === undefined || value === null) return [];
    return filled(argumentsOf(profile, name, option, value), value);
  });
  const adapters = parts.adapters.flatMap(({ path, source: name, scale }) =>
    profile.adapter.map((argument) => inPlace(argument, { path: pathWord(path), name, scale })),
  );
  const program = command.flatMap(spelledOut);
  const ofModel = [...options, ...adapters, ...lorasOf(profile, parts)];
  return [...program, ...filled(profile.arguments), ...ofModel, ...server.arguments];
}

function lorasOf({ loras: how }: ServerProfile, { loras }: CommandParts): string[] {
  if (how === null || loras.length === 0) return [];
  const each = loras.flatMap((one) =>
    how.adapter.map((argument) => inPlace(argument, { ...one, path: pathWord(one.path) })),
  );
  return [...how.arguments, ...(how.between === undefined ? each : [each.join(how.between)])];
}

/**
 * Threads that a point leaves open are the CPUs of the device, and all layers on the GPU are none without
 * one: as everywhere.
 */
function spelled(name: string, { options, cpus, deviceClass }: CommandParts): string | null {
  if (name === 'gpuLayers' && deviceClass === 'cpu') return '0';
  const value = options[name] ?? (name === 'threads' ? cpus : null);
  return value === null ? null : String(value);
}

function argumentsOf({ name: server }: ServerProfile, name: string, option: OptionArguments, value: string) {
  if (!('cases' in option)) return option.arguments;
  const args = option.cases[value];
  if (args !== undefined) return args;
  const known = Object.keys(option.cases).join(', ');
  throw failed('impossible-combination', `${server} has no ${name} ${value}: it knows ${known}`);
}

function fill(argument: string, parts: CommandParts, value: string): string {
  const { options, modelPath, modelName, draftPath } = parts;
  const values: Readonly<Record<string, unknown>> = {
    ...options,
    value,
    model: pathWord(modelPath ?? ''),
    name: modelName,
    draftModel: pathWord(draftPath ?? ''),
    totalContext: Number(options.maxContext ?? 0) * Number(options.maxSequences ?? 1),
    verifiedTokens: Number(options.draftTokens ?? 0) + 1,
  };
  return inPlace(argument, values);
}

/**
 * @returns an argument with values in place of their names.
 * @throws FailureError where a value would make it an option, since it begins with a dash.
 */
function inPlace(argument: string, values: Readonly<Record<string, unknown>>): string {
  const filled = argument.replaceAll(/\{([A-Za-z]+)\}/g, (all, name: string) => String(values[name] ?? all));
  if (isOption(filled) && !isOption(argument))
    throw failed(
      'impossible-combination',
      `${quote(filled)} begins with a dash: a server would take it for an option of its own`,
      'Give the model, the adapter or the option a value that begins otherwise.',
    );
  return filled;
}

/** @returns whether a program would take a word for an option; a negative number is none. */
const isOption = (word: string): boolean => word.startsWith('-') && !/^-\d+(?:\.\d+)?$/.test(word);

/** Programs that come with Ridgepoint, by what profiles call them. */
const OWN: Readonly<Record<string, string>> = { 'ridge-simulated-server': 'load/simulator/main' };

/** @returns whether a command is a program that comes with Ridgepoint. */
export function isOwn([program = '']: readonly string[]): boolean {
  return OWN[program] !== undefined;
}

/** Programs of our own are spelled out. */

function spelledOut(argument: string): string[] {
  const path = OWN[argument];
  if (path === undefined) return [argument];
  const program = ownProgram(path);
  return [process.execPath, ...program.loader, program.path];
}
