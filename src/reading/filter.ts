import { raw, type Dictionary, type FilterDef } from '@mikro-orm/core';
import { Kept } from '../entities/record.ts';
import type { RowRule } from '../entities/rule.ts';
import type { Viewer } from '../entities/viewer.ts';
import { visibilityOf } from './visibility.ts';

/**
 * Turns the row rules into MikroORM filters for use cases that write. `visible` restricts every query to the rows that
 * the viewer can see, and throws if no viewer is set. `alive` excludes deleted rows. Reads use the same SQL texts.
 */
export function rowFilters(rules: readonly RowRule[]): Dictionary<FilterDef> {
  const byEntity = new Map<string, RowRule>();
  for (const rule of rules) if (!byEntity.has(rule.entity.name)) byEntity.set(rule.entity.name, rule);
  return {
    visible: {
      name: 'visible',
      // oxlint-disable-next-line max-params -- MikroORM's signature
      cond: (
        { viewer, now }: { viewer: Viewer; now: Date },
        _type: unknown,
        _em: unknown,
        _options: unknown,
        entity: unknown,
      ) => visible(byEntity.get(String(entity)), viewer, now),
    },
    alive: {
      name: 'alive',
      args: false,
      // oxlint-disable-next-line max-params -- MikroORM's signature
      cond: (_args: unknown, _type: unknown, _em: unknown, _options: unknown, entity: unknown) =>
        byEntity.get(String(entity))?.entity.prototype instanceof Kept ? { deletedAt: null } : {},
    },
  };
}

function visible(rule: RowRule | undefined, viewer: Viewer, now: Date): object {
  const condition = rule && visibilityOf(rule, viewer).rows;
  const parameters = { user: viewer.userId, member: viewer.memberId, now };
  return { [raw((alias: string) => (condition ? `(${condition(alias)})` : 'false'), parameters)]: [] };
}
