import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
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

describe(has('systemd-analyze') ? 'the systemd units' : 'the systemd units, not tried: systemd-analyze is missing', () => {
  it.each(files.filter((file) => /^systemd\/.*\.(service|timer)$/.test(file)))('%s is valid', (file) => {
    if (!has('systemd-analyze')) return;
    const { stderr } = spawnSync('systemd-analyze', ['verify', join(project, 'deploy', file)], { encoding: 'utf8' });
    // the program is not installed on this machine
    const problems = stderr.split('\n').filter((line) => line.includes('unionhall') && !line.includes('is not executable'));
    expect(problems).toEqual([]);
  });
});

describe(has('nginx') ? 'the nginx block' : 'the nginx block, not tried: nginx is missing', () => {
  it('has balanced braces and forwards WebSockets', () => {
    const text = read('deploy/nginx/unionhall.conf');
    expect(text.split('{').length).toBe(text.split('}').length);
    expect(text).toContain('proxy_set_header Upgrade $http_upgrade;');
  });
});
