import { SaltingActivityType, SaltingOutcome } from '../src/entities/salting.ts';
import { daysAgo, instantOn } from './calendar.ts';
import type { Dossier, ScaledKind } from './dossier.ts';
import { memberId, memberIndex } from './member.ts';
import { employerIndex, organizationId } from './organization.ts';
import { idOf } from './id.ts';
import { Dice } from './random.ts';
import type { SaltingActivityRow } from './row.ts';
import { activityTexts } from './texts/activity.ts';

const activitiesPerBlock = 30;

const organizers = 20;
const firstOrganizer = 15;
const types = Object.values(SaltingActivityType);
const { POSITIVE, NEUTRAL, NEGATIVE, NO_CONTACT } = SaltingOutcome;

/** The outcomes of a block's activities, from the oldest on. The last ones have no outcome yet. */
// prettier-ignore
const outcomes: readonly (SaltingOutcome | null)[] = [
  POSITIVE, NEUTRAL, POSITIVE, NEGATIVE, NO_CONTACT, POSITIVE, POSITIVE, NEUTRAL, POSITIVE, NEUTRAL,
  POSITIVE, NO_CONTACT, POSITIVE, POSITIVE, NEGATIVE, POSITIVE, NEUTRAL, POSITIVE, POSITIVE, NEGATIVE,
  NEUTRAL, POSITIVE, NO_CONTACT, POSITIVE, POSITIVE, NEUTRAL, POSITIVE, null, null, null,
];

const places = [
  'Main gate',
  'Employee parking lot',
  'Site trailer',
  'Diner across the street',
  'Union hall',
  'Public library',
  'Supply house',
  'Loading dock',
];

/**
 * Salting activities. Each organizer of a block is at one of its employers at least once, and each employer is visited.
 */
export const activities: ScaledKind = {
  table: 'salting_activities',
  parts: [],
  perBlock: activitiesPerBlock,
  dossiers: activityDossiers,
};

function* activityDossiers(scale: number): Generator<Dossier> {
  const dice = new Dice('salting_activities');
  for (let block = 0; block < scale; block += 1) {
    dice.startBlock(block);
    for (let slot = 0; slot < activitiesPerBlock; slot += 1) yield { salting_activities: [activityAt(block, slot, dice)] };
  }
}

function activityAt(block: number, slot: number, dice: Dice): SaltingActivityRow {
  const activityDate = daysAgo(642 - slot * 22 + dice.between(0, 14));
  const at = instantOn(activityDate, 240 + dice.between(0, 180));
  const type = types[slot % types.length] ?? SaltingActivityType.OTHER;
  const outcome = outcomes[slot] ?? null;
  const workers = contacted(type, outcome, dice);
  const texts = activityTexts[type][outcome ?? 'pending'];
  return {
    id: idOf('salting_activities', block * activitiesPerBlock + slot, at),
    created_at: at,
    updated_at: at,
    deleted_at: null,
    member_id: memberId(memberIndex(block, organizerAt(slot))),
    organization_id: organizationId(employerIndex(block, slot)),
    activity_type: type,
    activity_date: activityDate,
    outcome,
    location: type === SaltingActivityType.OUTREACH ? null : dice.pick(places),
    workers_contacted: workers,
    cards_signed: signed(type, outcome, workers, dice),
    description: texts[(Math.floor(slot / types.length) + block) % texts.length] ?? null,
    notes: dice.chance(25) ? dice.pick(['Follow up next month.', 'Bring Spanish leaflets.', 'Names are in the organizing file.']) : null,
  };
}

/** The first twenty activities have one organizer each. The second half of the organizers has the others. */
const organizerAt = (slot: number): number => firstOrganizer + (slot < organizers ? slot : slot - organizers / 2);

function contacted(type: SaltingActivityType, outcome: SaltingOutcome | null, dice: Dice): number {
  if (outcome === NO_CONTACT) return 0;
  if (type === SaltingActivityType.ONE_ON_ONE) return 1;
  return outcome === null ? dice.between(0, 6) : dice.between(3, 24);
}

function signed(type: SaltingActivityType, outcome: SaltingOutcome | null, workers: number, dice: Dice): number {
  if (outcome !== POSITIVE) return 0;
  const isDrive = type === SaltingActivityType.CARD_SIGNING || type === SaltingActivityType.PETITION_DRIVE;
  return Math.floor((workers * (isDrive ? dice.between(40, 80) : dice.between(0, 35))) / 100);
}
