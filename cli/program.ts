import { Command, Help, type Option } from 'commander';
import { VERSION } from '../process/package.js';
import { COMMANDS } from './commands.js';

/**
 * @param words those behind `ridge`: of commands, the one that they name is loaded alone; left out, or where
 *   they name none, all are.
 * @returns the command tree, ready to parse; building it does nothing else.
 */
export async function createProgram([first = '']: readonly string[] = []): Promise<Command> {
  const program = new Command('ridge')
    .description(
      'Runs language models in many configurations on your machines, and measures speed, memory, energy and quality of each.\n' +
        'Results go to stdout, progress and messages to stderr.\n' +
        'Exit codes: 0 ok, 1 the work failed, 2 usage error, 3 a gate was not met, 4 rows of a sweep are invalid, ' +
        '5 nothing of a plan can run, 6 a gate is undecided (on request).',
    )
    .version(VERSION, '--version', 'print the version')
    .configureHelp({ optionDescription: describeOption, ...LIST_OF_COMMANDS })
    .addHelpText('after', '\n`ridge COMMAND --help` explains a command and its options.')
    .showHelpAfterError('Run `ridge --help` or `ridge COMMAND --help` to see what is possible.');
  const one = first === '--version' || COMMANDS.some(({ commands }) => Object.hasOwn(commands, first));
  for (const { heading, commands } of COMMANDS) {
    program.commandsGroup(heading);
    for (const [name, load] of Object.entries(commands)) if (name === first || !one) (await load())(program);
  }
  // Set on every command, so that a usage error exits with 2 wherever it stands.
  const prepare = (command: Command): void => {
    command.exitOverride();
    takeEitherWord(command);
    for (const child of command.commands) prepare(child);
  };
  prepare(program);
  return program;
}

/** Words for where something is written. */
const PLACES = ['--out', '--output'] as const;

/** Where a command has one of the two words, the other means the same. */
function takeEitherWord(command: Command): void {
  const own = PLACES.filter((word) => command.options.some(({ long }) => long === word));
  const [word] = own;
  if (word === undefined || own.length > 1) return;
  const other = PLACES.find((one) => one !== word)!;
  const parse = command.parseOptions.bind(command);
  command.parseOptions = (args) => {
    const end = args.includes('--') ? args.indexOf('--') : args.length;
    return parse(
      args.map((text, i) =>
        i < end && (text === other || text.startsWith(`${other}=`)) ? word + text.slice(other.length) : text,
      ),
    );
  };
}

/**
 * The list of all commands gives each its name, its arguments, and what it is for up to the first colon,
 * semicolon or full stop.
 */
const LIST_OF_COMMANDS = {
  subcommandTerm: (command: Command) => `${command.name()} ${command.usage().replace(/\[options\] ?/, '')}`,
  subcommandDescription: (command: Command) => command.description().split(/[:;.](?:\s|$)/)[0]!,
};

/** As commander writes it, without the default of lists that begin empty. */
function describeOption(option: Option): string {
  const empty = Array.isArray(option.defaultValue) && option.defaultValue.length === 0;
  return empty ? option.description : new Help().optionDescription(option);
}
