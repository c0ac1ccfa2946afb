import { OrganizationType } from '../src/entities/organization.ts';
import type { Dossier, ScaledKind } from './dossier.ts';
import { addressFrom, phoneFrom } from './place.ts';
import { idOf, takenOverAt } from './id.ts';
import { Dice } from './random.ts';
import type { OrganizationContactRow, OrganizationRow } from './row.ts';

const organizationsPerBlock = 20;
const employersPerBlock = 13;

const { EMPLOYER, UNION, TRAINING_PARTNER, JATC } = OrganizationType;

/** The four organizations that every local needs. They are in the first block. */
const fixed: readonly { name: string; orgType: OrganizationType; website: string; unitSize: number | null }[] = [
  { name: 'Electrical Workers Local 9047', orgType: UNION, website: 'https://local9047.example.org', unitSize: null },
  {
    name: 'City of Ridgemont Department of Power and Water',
    orgType: EMPLOYER,
    website: 'https://power.ridgemont.example.org',
    unitSize: 186,
  },
  { name: 'Ridgemont Skilled Trades Training Center', orgType: TRAINING_PARTNER, website: 'https://trades.example.org', unitSize: null },
  { name: 'Ridgemont Area Electrical JATC', orgType: JATC, website: 'https://jatc.example.org', unitSize: null },
];

/**
 * Returns the type of the organization at each place of a block. There is only one local, so further blocks have a
 * school instead.
 */
function typeAt(block: number, slot: number): OrganizationType {
  if (slot === 0) return block === 0 ? UNION : TRAINING_PARTNER;
  if (slot === 1 || (slot >= 4 && slot <= 15)) return EMPLOYER;
  if (slot === 3 || slot >= 18) return JATC;
  return TRAINING_PARTNER;
}

const trades = [
  'Electric',
  'Power Systems',
  'Controls',
  'Electrical Contractors',
  'Line Construction',
  'Fire and Alarm',
  'Solar',
  'Communications Cabling',
  'Industrial Electric',
  'Panel and Switchgear',
  'Building Technologies',
  'Mechanical and Electrical',
];

const trainers: Readonly<Record<'training_partner' | 'jatc', readonly string[]>> = {
  training_partner: ['Community College, School of Trades', 'Institute of Technology', 'Career Center'],
  jatc: ['Counties Inside Wire JATC', 'Valley Outside Line JATC', 'Telecommunications JATC'],
};

const saltingNotes = [
  'Owner sold a half share last year; the crews expect changes and talk about them.',
  'Pays near our scale, but without a pension. Start the conversation there.',
  'High turnover among helpers. The lead hands have been there for a decade and decide what the shop thinks.',
  'A campaign failed here eight years ago by a few votes. Several of those who led it are still on the crews.',
  'Prevailing-wage work on two public jobs; the certified payrolls are worth a look.',
  'Superintendent follows organizers around the sites. Meet people away from the job.',
];

const titles = [
  'President',
  'Operations Manager',
  'Human Resources Director',
  'Project Manager',
  'General Superintendent',
  'Payroll Clerk',
];
const trainingTitles = ['Training Director', 'Program Coordinator', 'Dean', 'Registrar', 'Committee Chair'];
const unionTitles = ['Recording Secretary', 'Office Manager', 'Business Representative'];

/** Returns the id of an organization by its place among all organizations. */
export const organizationId = (index: number): string => idOf('organizations', index, takenOverAt(index));

/** Returns the place of the n-th employer of a block among all organizations. n wraps around. */
export function employerIndex(block: number, n: number): number {
  const nth = n % employersPerBlock;
  return block * organizationsPerBlock + (nth === 0 ? 1 : nth + 3);
}

/** Organizations, each with one to three contacts, the first of them the primary one. */
export const organizations: ScaledKind = {
  table: 'organizations',
  parts: ['organization_contacts'],
  perBlock: organizationsPerBlock,
  dossiers: organizationDossiers,
};

function* organizationDossiers(scale: number): Generator<Dossier> {
  const [dice, contactDice] = [new Dice('organizations'), new Dice('organization_contacts')];
  for (let block = 0; block < scale; block += 1) {
    dice.startBlock(block);
    contactDice.startBlock(block);
    for (let slot = 0; slot < organizationsPerBlock; slot += 1) {
      yield { organizations: [organizationAt(block, slot, dice)], organization_contacts: contactsAt(block, slot, contactDice) };
    }
  }
}

function organizationAt(block: number, slot: number, dice: Dice): OrganizationRow {
  const index = block * organizationsPerBlock + slot;
  const at = takenOverAt(index);
  const given = block === 0 ? fixed[slot] : undefined;
  const orgType = typeAt(block, slot);
  const name = given?.name ?? nameFor(orgType, slot, dice);
  const isTarget = orgType === EMPLOYER;
  const place = given ? { ...addressFrom(dice, false), city: 'Ridgemont', zip_code: '43016' } : addressFrom(dice, false);
  return {
    id: organizationId(index),
    created_at: at,
    updated_at: at,
    deleted_at: null,
    name,
    org_type: orgType,
    unit_size: isTarget ? (given?.unitSize ?? dice.between(40, 420)) : null,
    ...place,
    phone: phoneFrom(dice),
    email: `office@${domainOf(name)}`,
    website: given?.website ?? (dice.chance(75) ? `https://www.${domainOf(name)}` : null),
    salting_score: isTarget ? dice.between(1, 5) : null,
    salting_notes: isTarget && dice.chance(60) ? dice.pick(saltingNotes) : null,
  };
}

function nameFor(orgType: OrganizationType, slot: number, dice: Dice): string {
  const family = dice.faker.person.lastName();
  if (orgType === TRAINING_PARTNER || orgType === JATC) {
    const kinds = trainers[orgType];
    return `${family} ${kinds[slot % kinds.length]}`;
  }
  return `${family} ${trades[slot % trades.length]} ${dice.pick(['Inc.', 'LLC', 'Co.', '& Sons', 'Group'])}`;
}

const domainOf = (name: string): string => `${name.toLowerCase().replace(/[^a-z0-9]+/g, '')}.example.com`;

function contactsAt(block: number, slot: number, dice: Dice): OrganizationContactRow[] {
  const index = block * organizationsPerBlock + slot;
  const contacts: OrganizationContactRow[] = [];
  for (let left = dice.between(1, 3); left > 0; left -= 1) contacts.push(contactAt(index, contacts.length, typeAt(block, slot), dice));
  return contacts;
}

function contactAt(organization: number, nth: number, orgType: OrganizationType, dice: Dice): OrganizationContactRow {
  const at = takenOverAt(organization);
  const { person } = dice.faker;
  const [firstName, lastName] = [person.firstName(), person.lastName()];
  const jobs = orgType === EMPLOYER ? titles : orgType === UNION ? unionTitles : trainingTitles;
  return {
    id: idOf('organization_contacts', `${organization}.${nth}`, at),
    created_at: at,
    updated_at: at,
    deleted_at: null,
    organization_id: organizationId(organization),
    first_name: firstName,
    last_name: lastName,
    title: jobs[(organization + nth) % jobs.length] ?? null,
    phone: dice.chance(85) ? phoneFrom(dice) : null,
    email: dice.chance(80) ? `${firstName}.${lastName}`.toLowerCase().replace(/[^a-z.]/g, '') + '@example.com' : null,
    is_primary: nth === 0,
    notes: dice.chance(15) ? dice.pick(['Call before ten.', 'Answers e-mail, not the telephone.', 'Copies counsel on everything.']) : null,
  };
}
