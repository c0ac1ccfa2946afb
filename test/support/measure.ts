import { parseSync } from '@swc/core';
import type { Sources } from './house.ts';

/** A node of the syntax tree, or any value in it. */
type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;

const treeOf = (text: string): Tree => parseSync(text, { syntax: 'typescript', decorators: true }) as unknown as Tree;

function* nodesOf(value: unknown): Generator<Tree> {
  if (!isTree(value)) return;
  if (!Array.isArray(value)) yield value;
  for (const part of Object.values(value)) yield* nodesOf(part);
}

const declarations = /^(TsInterface|TsTypeAlias|TsEnum|Class)Declaration$/;

/** Lists the names of types and classes that several files export. */
export function sharedTypeNames(sources: Sources): string[] {
  const places = new Map<string, string[]>();
  for (const [file, text] of sources) {
    for (const { type, declaration } of treeOf(text)['body'] as Tree[]) {
      if (type !== 'ExportDeclaration' || !isTree(declaration) || !declarations.test(String(declaration['type']))) continue;
      const name = String(((declaration['identifier'] ?? declaration['id']) as Tree)['value']);
      places.set(name, [...(places.get(name) ?? []), file]);
    }
  }
  return [...places].filter(([, files]) => files.length > 1).map(([name, files]) => `${name}: ${files.join(', ')}`);
}

/** Yields the declared parameters of each function and method with a body. */
function* parametersOf(text: string): Generator<Tree[]> {
  for (const node of nodesOf(treeOf(text))) {
    const parameters = (node['params'] ?? node['parameters']) as Tree[] | undefined;
    if (isTree(node['body']) && Array.isArray(parameters)) yield parameters.map((each) => (each['pat'] ?? each) as Tree);
  }
}

const isEntityManager = (parameter: Tree): boolean =>
  parameter['type'] === 'Identifier' && parameter['value'] === 'em' && parameter['typeAnnotation'] !== null;

/** Lists the files with functions that take an entity manager and no scope. Start-up and commands have no scope yet. */
export const entityManagerParameters = (sources: Sources): string[] =>
  [...sources]
    .filter(([file]) => !/^(command|process)\/|^services\/scope\.ts$/.test(file))
    .flatMap(([file, text]) => [...parametersOf(text)].filter((parameters) => parameters.some(isEntityManager)).map(() => file));

/** Lists the files with functions of more than four parameters, one entry for each. A resolver has one per argument. */
export const longSignatures = (sources: Sources): string[] =>
  [...sources]
    .filter(([file]) => !file.startsWith('resolvers/'))
    .flatMap(([file, text]) => [...parametersOf(text)].filter(({ length }) => length > 4).map(() => file));

/** Lists the places where the name of an operator error is a string, because code must distinguish errors by class. */
export function errorNamesAsText(sources: Sources): string[] {
  const names = [...sources.values()].flatMap((text) => [...text.matchAll(/class (\w+) extends OperatorError\b/g)].map(([, name]) => name));
  return [...sources].flatMap(([file, text]) => names.filter((name) => text.includes(`'${name}'`)).map((name) => `${file}: ${name}`));
}

/** The share of lines with more than 120 columns, from 0 to 1. */
export function shareOfLongLines(sources: Sources): number {
  const lines = [...sources.values()].flatMap((text) => text.split('\n'));
  return lines.filter(({ length }) => length > 120).length / lines.length;
}

/** Returns the texts with several words in the strings and templates of a source, without SQL. */
export const stringsOf = (text: string): string[] =>
  [...nodesOf(treeOf(text))].flatMap((node) => {
    const value = node['type'] === 'StringLiteral' ? node['value'] : node['type'] === 'TemplateElement' ? node['cooked'] : null;
    return typeof value === 'string' && / \w+ ?\w*/.test(value) && !/\b(select|insert|where|join|and|null)\b[^.]*[=("]/.test(value)
      ? [value]
      : [];
  });
