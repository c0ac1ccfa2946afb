import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { variables } from '../src/config.ts';
import { Metrics } from '../src/process/metrics.ts';
import { buildProgram } from '../src/command/index.ts';
import { filesOf, project } from './support/house.ts';

const read = (file: string): string => readFileSync(join(project, file), 'utf8');
const files = filesOf('deploy').filter((file) => !file.startsWith('secrets/'));
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

describe('the metrics', () => {
  const metrics = new Metrics();
  metrics.watch(() => undefined);
  const names = metrics.registry.getMetricsAsArray().map(({ name }) => name);

  it.each(['deploy/prometheus/alerts.yaml', 'deploy/grafana/unionhall.json'])('of %s exist', (file) => {
    const named = [...read(file).matchAll(/\b(?:unionhall|nodejs|process)_[a-z0-9_]+/g)].map(([name]) =>
      name.replace(/_(bucket|sum|count)$/, ''),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !names.includes(name))).toEqual([]);
  });
});

describe('the files of deploy', () => {
  it('are valid YAML and JSON', () => {
    const rules = parse(read('deploy/prometheus/alerts.yaml')) as { groups: { rules: { alert: string; expr: string }[] }[] };
    expect(rules.groups[0]?.rules.filter(({ alert, expr }) => !alert || !expr)).toEqual([]);
    expect((JSON.parse(read('deploy/grafana/unionhall.json')) as { panels: object[] }).panels.length).toBeGreaterThan(4);
    expect(parse(read('deploy/helm/unionhall/Chart.yaml'))).toMatchObject({ apiVersion: 'v2', name: 'unionhall' });
  });

  it('use only values that the Helm chart has', () => {
    const values = parse(read('deploy/helm/unionhall/values.yaml')) as Record<string, unknown>;
    const paths = files
      .filter((file) => file.startsWith('helm/unionhall/templates/'))
      .flatMap((file) => [...read(`deploy/${file}`).matchAll(/\.Values\.([\w.]+)/g)].map(([, path = '']) => path));
    const valueAt = (path: string): unknown =>
      path.split('.').reduce<unknown>((each, name) => (each as Record<string, unknown> | undefined)?.[name], values);
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => valueAt(path) === undefined)).toEqual([]);
  });

  it('refer to existing settings and commands', () => {
    const text = files
      .filter((file) => /^(systemd|helm)/.test(file))
      .map((file) => read(`deploy/${file}`))
      .join('\n');
    const set = [
      ...[...text.matchAll(/^(?:Environment=)?([A-Z][A-Z0-9_]+)=/gm)].map(([, name = '']) => name),
      ...[...text.matchAll(/name: ([A-Z][A-Z0-9_]+), value/g)].map(([, name = '']) => name),
    ];
    expect(set.length).toBeGreaterThan(10);
    expect(set.filter((name) => !Object.hasOwn(variables, name))).toEqual([]);
    const commands = buildProgram(() => Promise.resolve()).commands.map((command) => command.name());
    const called = [
      ...`${text}\n${read('docs/install.md')}`.matchAll(
        /(?:main\.js'?,? '?|^unionhall |-- .*unionhall |migrator_url unionhall )([a-z][\w:]*)/gm,
      ),
    ];
    expect(called.length).toBeGreaterThan(5);
    expect(called.map(([, name = '']) => name).filter((name) => !commands.includes(name))).toEqual([]);
  });

  it('are those that the guide installs', () => {
    const named = [...read('docs/install.md').matchAll(/\bdeploy\/([\w./-]*\w)/g)].map(([, file = '']) => file);
    expect(named.filter((file) => !files.some((each) => each === file || each.startsWith(`${file}/`)))).toEqual([]);
  });

  it('have the version of the service in the Helm chart', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(parse(read('deploy/helm/unionhall/Chart.yaml'))).toMatchObject({ appVersion: version });
    expect(parse(read('deploy/helm/unionhall/values.yaml'))).toMatchObject({ image: { tag: version } });
  });
});

/** Renders a template with the few actions of Helm that the chart uses. Throws for others. */
function rendered(template: string, given: object): string {
  const blocks = template.replace(/\{\{- if ([\w.]+) \}\}\n(.*?)\{\{- end \}\}\n/gs, (_, path: string, block: string) =>
    valueAt(given, path) ? block : '',
  );
  return blocks.replace(/\{\{ (.*?) \}\}/g, (_, action: string) => {
    const [first = '', ...pipes] = action.split(' | ');
    const [name = '', format, ...paths] = first.split(' ');
    const formatted = (): string => {
      const values = paths.map((path) => String(valueAt(given, path)));
      return String(format)
        .slice(1, -1)
        .replace(/%[sv]/g, () => String(values.shift()));
    };
    let value: unknown =
      name === 'printf' ? formatted() : name === 'toYaml' ? stringify(valueAt(given, String(format))).trim() : valueAt(given, first);
    for (const pipe of pipes) {
      const indent = /^nindent (\d+)$/.exec(pipe)?.[1];
      if (pipe === 'quote') value = JSON.stringify(String(value));
      else if (indent) value = `\n${String(value)}`.replaceAll('\n', `\n${' '.repeat(Number(indent))}`);
      else throw new Error(`The test does not know ${pipe}.`);
    }
    return String(value);
  });
}

function valueAt(given: object, path: string): unknown {
  const value = path
    .split('.')
    .slice(1)
    .reduce<unknown>((each, name) => (each as Record<string, unknown> | undefined)?.[name], given);
  if (value === undefined) throw new Error(`${path} has no value.`);
  return value;
}

interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector?: { readonly matchLabels?: object };
    readonly template?: {
      readonly metadata?: { readonly labels: object };
      readonly spec: {
        readonly containers: {
          readonly image: string;
          readonly ports?: { readonly name: string }[];
          readonly volumeMounts: { readonly name: string }[];
          readonly env: { readonly name: string; readonly value: string }[];
        }[];
        readonly volumes: { readonly name: string; readonly secret?: { readonly secretName: string; readonly defaultMode: number } }[];
      };
    };
    readonly ports?: { readonly targetPort: string }[];
  };
}

describe('the Helm chart', () => {
  const templates = files.filter((file) => file.startsWith('helm/unionhall/templates/')).map((file) => read(`deploy/${file}`));
  const values = parse(read('deploy/helm/unionhall/values.yaml')) as { image: { tag: string }; ingress: object };
  const render = (changes: object = {}): Resource[] =>
    templates
      .flatMap((text) =>
        parseAllDocuments(rendered(text, { Values: { ...values, ...changes }, Release: { Name: 'hall' } }), { version: '1.1' }),
      )
      .map((document) => {
        expect(document.errors).toEqual([]);
        return document.toJS() as Resource;
      });

  it('renders to resources, with and without an ingress', () => {
    const kinds = ['Deployment', 'Ingress', 'Job', 'Service'];
    expect(
      render()
        .map(({ kind }) => kind)
        .toSorted(),
    ).toEqual(kinds);
    const without = render({ ingress: { ...values.ingress, enabled: false } });
    expect(without.map(({ kind }) => kind).toSorted()).toEqual(kinds.filter((kind) => kind !== 'Ingress'));
    expect(render().every(({ metadata }) => metadata.name.startsWith('hall'))).toBe(true);
    expect(() => rendered('{{ .Values.absent }}', { Values: {} })).toThrow('.Values.absent has no value.');
    expect(() => rendered('{{ .Values.a | upper }}', { Values: { a: 'a' } })).toThrow('does not know upper');
  });

  it('refers only to its own labels, ports and volumes', () => {
    const [deployment, job, service] = ['Deployment', 'Job', 'Service'].map((kind) => render().find((each) => each.kind === kind));
    expect(deployment?.spec.selector?.matchLabels).toEqual(deployment?.spec.template?.metadata?.labels);
    expect(service?.spec.selector).toEqual(deployment?.spec.template?.metadata?.labels);
    const ports = deployment?.spec.template?.spec.containers[0]?.ports?.map(({ name }) => name);
    expect(ports).toContain(service?.spec.ports?.[0]?.targetPort);
    for (const each of [deployment, job]) {
      const { containers, volumes } = each?.spec.template?.spec ?? { containers: [], volumes: [] };
      const names = volumes.map(({ name }) => name);
      expect(containers).toHaveLength(1);
      for (const { image, volumeMounts, env } of containers) {
        expect(image).toBe(`unionhall:${values.image.tag}`);
        expect(volumeMounts.filter(({ name }) => !names.includes(name))).toEqual([]);
        expect(env.filter(({ value }) => typeof value !== 'string')).toEqual([]);
      }
      // 0440 is octal
      expect(volumes.flatMap(({ secret }) => secret ?? [])).toEqual([
        expect.objectContaining({ secretName: 'unionhall', defaultMode: 288 }),
      ]);
    }
  });
});

/** Whether a program is missing. In CI, that is a failure; elsewhere, the test says so and checks nothing. */
function lacks(program: string): boolean {
  if (has(program)) return false;
  if (process.env['CI']) throw new Error(`${program} is not installed.`);
  console.warn(`NOT CHECKED: ${program} is not installed. .ci/run installs it.`);
  return true;
}

describe('the checks by other programs', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'unionhall-deploy-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a program, and returns its output if it failed. */
  const failureOf = (program: string, ...words: string[]): string | null => {
    const env = { ...process.env, DOMAIN: 'union.example', HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    const { error, status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', env });
    return error ? error.message : status === 0 ? null : `${stdout}${stderr}`;
  };

  describe('systemd', () => {
    it.each(files.filter((file) => /^systemd\/.*\.(service|timer)$/.test(file)))('accepts %s', (file) => {
      if (lacks('systemd-analyze')) return;
      const { stderr, error } = spawnSync('systemd-analyze', ['verify', join(project, 'deploy', file)], { encoding: 'utf8' });
      // the program is not installed on this machine
      const problems = stderr?.split('\n').filter((line) => line.includes('unionhall') && !line.includes('is not executable'));
      expect([error, problems]).toEqual([undefined, []]);
    });
  });

  describe('nginx', () => {
    it('accepts unionhall.conf and no broken one', () => {
      if (lacks('nginx')) return;
      const [key, certificate] = [join(folder, 'privkey.pem'), join(folder, 'fullchain.pem')];
      const asked = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=union.example', '-keyout', key, '-out', certificate];
      expect(failureOf('openssl', ...asked)).toBeNull();
      const tried = (text: string): string | null => {
        const http = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n');
        const log = `error_log ${folder}/error.log; pid ${folder}/nginx.pid;`;
        const moved = text
          .replaceAll('/etc/letsencrypt/live/union.example', folder)
          // others than root cannot listen at low ports
          .replace(/listen (\[::\]:)?(80|443)\b/g, (_, address = '', port) => `listen ${address}18${port}`);
        writeFileSync(join(folder, 'nginx.conf'), `${log} events {} http { access_log off; ${http}\n${moved} }`);
        return failureOf('nginx', '-t', '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf'));
      };
      const text = read('deploy/nginx/unionhall.conf');
      expect(tried(text)).toBeNull();
      expect(tried(text.replace('proxy_pass', 'proxy_past'))).toContain('unknown directive "proxy_past"');
    });
  });

  describe('Caddy', () => {
    it.each(['Caddyfile', 'Caddyfile.host'])('accepts %s', (file) => {
      if (lacks('caddy')) return;
      expect(failureOf('caddy', 'validate', '--adapter', 'caddyfile', '--config', join(project, 'deploy', file))).toBeNull();
    });
  });

  describe('Prometheus', () => {
    it('accepts the alert rules', () => {
      if (lacks('promtool')) return;
      expect(failureOf('promtool', 'check', 'rules', join(project, 'deploy', 'prometheus', 'alerts.yaml'))).toBeNull();
    });
  });
});

it('forwards WebSockets through nginx', () => {
  expect(read('deploy/nginx/unionhall.conf')).toContain('proxy_set_header Upgrade $http_upgrade;');
});
