import { Field, InputType } from 'type-graphql';
import { BargainingUnit } from '../../entities/agreement.ts';
import { recordChange } from '../audit/event.ts';
import { assertNoProblems, findVisible, flush, parseInput } from '../record/index.ts';
import type { Scope } from '../scope.ts';

@InputType({ description: 'A bargaining unit to create.' })
export class CreateBargainingUnitInput {
  @Field(() => String, { description: 'The name, 1 to 200 characters.' })
  name!: string;

  @Field(() => String, { description: 'The short code, 1 to 20 characters. Unique, ignoring case.' })
  code!: string;

  @Field(() => String, { nullable: true, description: 'The jobs and places that the unit covers.' })
  description?: string | null;
}

@InputType({
  description: 'Changes to a bargaining unit. Omitted fields keep their values. Null clears an optional field.',
})
export class UpdateBargainingUnitInput {
  @Field(() => String, { nullable: true, description: 'The name, 1 to 200 characters. Must not be null.' })
  name?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The short code, 1 to 20 characters. Unique, ignoring case. Must not be null.',
  })
  code?: string | null;

  @Field(() => String, { nullable: true, description: 'The jobs and places that the unit covers.' })
  description?: string | null;
}

const taken = { bargaining_units_code_unique: 'input.code' };

/**
 * Creates a bargaining unit.
 * @returns its id.
 * @throws BAD_INPUT with every problem, or if the code is taken.
 */
export async function createBargainingUnit(scope: Scope, input: CreateBargainingUnitInput): Promise<string> {
  const { values, problems } = parseInput(scope, BargainingUnit, input);
  assertNoProblems(problems);
  const unit = new BargainingUnit(values);
  scope.em.persist(unit);
  recordChange(scope, { action: 'bargaining_unit.create', targetType: 'BargainingUnit', targetId: unit.id });
  await flush(scope, taken);
  return unit.id;
}

/**
 * Changes a bargaining unit.
 * @returns its id.
 * @throws BAD_INPUT with every problem, or if the code is taken; NOT_FOUND.
 */
export async function updateBargainingUnit(
  scope: Scope,
  id: string,
  input: UpdateBargainingUnitInput,
): Promise<string> {
  const { values, problems } = parseInput(scope, BargainingUnit, input);
  assertNoProblems(problems);
  return scope.transaction(async (tx) => {
    const unit = await findVisible(tx, BargainingUnit, id, { isHeld: true });
    if (Object.keys(values).length === 0) return unit.id;
    Object.assign(unit, values);
    recordChange(tx, { action: 'bargaining_unit.update', targetType: 'BargainingUnit', targetId: unit.id });
    await flush(tx, taken);
    return unit.id;
  });
}
