import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

/** One import of a source file: what it imports, and whether only types. */
export interface Import {
  readonly of: string;
  readonly isType: boolean;
}

/** The source files by their path. */
export type Sources = ReadonlyMap<string, string>;

export const project = join(import.meta.dirname, '..', '..');

/** Lists the files of a folder in the project with their relative paths. */
export function filesOf(folder: string): string[] {
  return readdirSync(join(project, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      posix.join(
        ...join(entry.parentPath, entry.name)
          .slice(join(project, folder).length + 1)
          .split(/[\\/]/),
      ),
    )
    .sort();
}

export function sourcesOf(folder: string): Sources {
  const names = filesOf(folder).filter((name) => name.endsWith('.ts'));
  return new Map(names.map((name) => [name, readFileSync(join(project, folder, name), 'utf8')]));
}

/** Finds static, dynamic and re-exporting imports. */
export function importsOf(text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const fixed = [...code.matchAll(/^\s*(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"]+)['"]/gm)];
  const dynamic = [...code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g)];
  return [
    ...fixed.map(([, type, of = '']) => ({ of, isType: type !== undefined })),
    ...dynamic.map(([, of = '']) => ({ of, isType: false })),
  ];
}

interface Law {
  /** The layers and packages that it may import, in addition to itself and those without a rule. */
  readonly may: readonly string[];
  /** The layers and packages whose types it may import. */
  readonly mayType?: readonly string[];
  readonly never?: RegExp;
}

/** The layers that the HTTP server and everything above it may import. */
const belowHttp = [
  'config',
  'context',
  'entities',
  'errors',
  'permissions',
  'reading',
  'resolvers',
  'schema',
  'seeds',
  'services',
  'services/crypto',
  'services/mail',
];

/** The allowed imports. A layer is a folder of src, or a file at its root. */
const laws: Readonly<Record<string, Law>> = {
  'services/crypto': { may: ['errors'], never: /^@mikro-orm\/|^pg$|^type-graphql$|^graphql/ },
  entities: { may: ['errors'] },
  'services/mail': { may: ['entities', 'errors', 'services/crypto'], never: /^graphql|^type-graphql$|^pg$/ },
  services: { may: ['entities', 'errors', 'services/crypto', 'services/mail'], mayType: ['config'], never: /^graphql-(shield|middleware)/ },
  reading: { may: ['entities', 'errors'] },
  resolvers: { may: ['entities', 'services'], mayType: ['context'], never: /^@mikro-orm\/|^pg$|^kysely$/ },
  permissions: { may: ['entities', 'errors'], mayType: ['context'] },
  database: { may: ['mikro-orm.config', 'errors'], mayType: ['config'] },
  http: { may: [...belowHttp, 'process/log'], mayType: ['process'] },
  process: { may: [...belowHttp, 'database', 'http', 'process/log', 'seeds'] },
  'process/log': { may: ['errors'], mayType: ['config'] },
  command: { may: [...belowHttp, 'database', 'process', 'process/log', 'seeds'] },
  context: { may: ['services', 'permissions', 'entities', 'reading'] },
  config: { may: ['errors'] },
  errors: { may: [] },
};

/** Lists the imports that break the rules above, one sentence for each. */
export function brokenImports(sources: Sources): string[] {
  return [...sources].flatMap(([name, text]) => {
    const from = layerOf(name);
    const law = laws[from];
    if (!law) return [];
    return importsOf(text).flatMap(({ of, isType }) => {
      if (!of.startsWith('.')) return law.never?.test(of) ? [`${name}: ${from} may not import ${of}`] : [];
      const target = posix.join(dirname(name), of);
      const to = layerOf(target);
      if (to === from && from === 'services' && !isSameDomain(name, target) && !(isType && name === 'services/scope.ts'))
        return [`${name}: a service may not import the service ${target}`];
      const may = to === from || law.may.includes(to) || (isType && law.mayType?.includes(to));
      return may ? [] : [`${name}: ${from} may not import ${isType ? 'types of ' : ''}${to}`];
    });
  });
}

/**
 * Shared parts that every domain may use: audit, cases, keys, rate limits, authentication with the key pair, records,
 * the scope, and starting and ending sessions. A domain imports no other domain.
 */
function isSameDomain(name: string, target: string): boolean {
  const [domain, other] = [name, target].map((path) => path.split('/')[1]?.replace(/\.ts$/, ''));
  return domain === other || ['audit', 'case', 'key', 'limit', 'proof', 'record', 'scope', 'sign-in'].includes(other ?? '');
}

function layerOf(path: string): string {
  const clean = path.replace(/^(\.\.\/)+/, '');
  const shared = ['services/crypto', 'services/mail', 'process/log'].find((each) => clean === `${each}.ts` || clean.startsWith(`${each}/`));
  if (shared !== undefined) return shared;
  return clean.includes('/') ? (clean.split('/')[0] ?? clean) : clean.replace(/\.ts$/, '');
}

/** Lists files that read the environment; only config.ts may. */
export const environmentReaders = (sources: Sources): string[] =>
  [...sources]
    .filter(([name, text]) => name !== 'config.ts' && /\bprocess\s*\.\s*env\b|\bimport\.meta\.env\b/.test(text))
    .map(([name]) => name);

/** Lists names that are not lower-case words joined by hyphens. A domain's own name is one word. */
export const oddNames = (names: readonly string[]): string[] =>
  names.filter((name) => name.split('/').some((part) => !/^[a-z][a-z0-9]*(-[a-z0-9]+)*(\.ts)?$/.test(part)));

/** Lists folders whose name does not say what they contain. */
export const vagueFolders = (names: readonly string[]): string[] =>
  names.filter((name) =>
    name
      .split('/')
      .slice(0, -1)
      .some((part) => /^(dtos?|types?|utils?|helpers?|common|shared|lib|misc|inputs?|models?)$/.test(part)),
  );

/** Returns the names of a layer's files, without those that serve all of them. */
export const wordsOf = (names: readonly string[], except: readonly string[]): string[] =>
  [...new Set(names.map((name) => name.split('/')[0]?.replace(/\.ts$/, '') ?? ''))].filter((word) => !['index', ...except].includes(word));
