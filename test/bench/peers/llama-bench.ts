import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../agent/native/engines/build.js';
import { cacheFolder } from '../../../agent/native/engines/location.js';
import { findEngine } from '../../../agent/native/packages.js';

/**
 * llama.cpp's own llama-bench, from the source bundle inside the node-llama-cpp package, built with the
 * compiler of this machine into Ridgepoint's cache. The tool runs on the shipped libraries: the very files
 * that our runner loads, so that both sides differ in nothing but who calls them.
 * @returns the program and the folder for LD_LIBRARY_PATH. Linux only.
 */
export async function llamaBench(
  say: (line: string) => void,
): Promise<{ program: string; libraries: string }> {
  const { release, bundle, folder } = findEngine();
  const sources = join(cacheFolder(), 'peers', `llama.cpp-${release}`);
  const built = join(sources, 'build/bin');
  if (!existsSync(join(built, 'llama-bench'))) {
    say(`building llama-bench ${release} in ${sources} (cmake and ninja or make; some minutes, once)`);
    if (!existsSync(sources)) {
      const partial = `${sources}.${process.pid}`;
      rmSync(partial, { recursive: true, force: true });
      mkdirSync(partial, { recursive: true });
      await run('git', ['-c', 'advice.detachedHead=false', 'clone', '--quiet', bundle, partial], {});
      renameSync(partial, sources);
    }
    const flags = [
      '-DCMAKE_BUILD_TYPE=Release',
      '-DGGML_BACKEND_DL=ON',
      '-DGGML_NATIVE=OFF',
      '-DGGML_OPENMP=OFF',
    ];
    const without = [
      'LLAMA_CURL',
      'LLAMA_OPENSSL',
      'LLAMA_BUILD_TESTS',
      'LLAMA_BUILD_EXAMPLES',
      'LLAMA_BUILD_SERVER',
    ];
    const build = join(sources, 'build');
    await run('cmake', ['-S', sources, '-B', build, ...flags, ...without.map((name) => `-D${name}=OFF`)], {});
    await run('cmake', ['--build', build, '--target', 'llama-bench', '-j', '2'], { onLine: say });
  }

  // The tool asks for libraries by versioned names; links give it the shipped files under those names.
  // Its backends are found beside the program itself, so the program is copied and not linked.
  const libraries = join(cacheFolder(), 'peers', `llama-bench-${release}`);
  rmSync(libraries, { recursive: true, force: true });
  mkdirSync(libraries, { recursive: true });
  for (const name of ['llama-bench', 'libllama-bench-impl.so']) {
    if (existsSync(join(built, name))) copyFileSync(join(built, name), join(libraries, name));
  }
  for (const name of readdirSync(folder).filter((n) => n.endsWith('.so'))) {
    symlinkSync(join(folder, name), join(libraries, name));
    const plain = name.replace(`.${release}`, '');
    if (/^lib(llama|llama-common|ggml|ggml-base)\.so$/.test(plain)) {
      symlinkSync(join(folder, name), join(libraries, `${plain}.0`));
    }
  }
  return { program: join(libraries, 'llama-bench'), libraries };
}
