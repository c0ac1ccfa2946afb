// Completes package-lock.json after `npm install`. Adds optional packages for other platforms that the registry did not
// list; without them, `npm ci` refuses the file. Existing entries do not change.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const file = join(import.meta.dirname, '..', 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));
const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'sunos', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];
const libraries = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

const added = [];
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (Object.keys(lock.packages).some((each) => each === place || each.endsWith(`/${place}`))) continue;
    const words = name.split(/[-/]/);
    const os = systems.filter((word) => words.includes(word));
    const cpu = processors.filter((word) => words.includes(word));
    if (os.length !== 1 || cpu.length !== 1 || !/^\d/.test(version))
      throw new Error(`${name}@${version} is not a package for one kind of machine.`);
    const libc = Object.entries(libraries).flatMap(([word, library]) => (words.includes(word) ? [library] : []));
    lock.packages[place] = { version, cpu, ...(parent.dev && { dev: true }), ...(libc.length > 0 && { libc }), optional: true, os };
    added.push(name);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length === 0 ? 'package-lock.json is complete.' : `Added to package-lock.json: ${added.join(', ')}`);
