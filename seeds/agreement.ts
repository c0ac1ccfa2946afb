import { ClockStart, LimitBase, MissConsequence, TimeLimitAct } from '../src/entities/agreement.ts';
import { DayUnit, usualWorkweek } from '../src/entities/calendar.ts';
import type { LimitTerms } from '../src/entities/deadline.ts';
import { daysAgo, plusDays } from './calendar.ts';
import type { Dossier, Kind, ScaledKind } from './dossier.ts';
import { calendarId, holidayDays } from './holiday.ts';
import { idOf, takenOverAt } from './id.ts';
import { employerIndex, organizationId } from './organization.ts';
import type { AgreementArticleRow, AgreementEmployerRow, AgreementLimitRow, AgreementRow, BargainingUnitRow } from './row.ts';
import { violationTexts } from './texts/violation.ts';

const at = takenOverAt(0);

/** A bargaining unit and the terms of its agreements. */
interface Unit {
  readonly name: string;
  readonly code: string;
  readonly description: string;
  readonly association: string | null;
  readonly clock: ClockStart;
  readonly terms: readonly (readonly [first: string, last: string])[];
}

const units: readonly Unit[] = [
  {
    name: 'Inside Wire',
    code: 'INSIDE',
    description: 'Journeymen, forepersons and apprentices on inside construction in four counties.',
    association: 'Ridgemont Area Electrical Contractors',
    clock: ClockStart.OCCURRENCE,
    terms: [
      ['2020-06-01', '2023-05-31'],
      ['2023-06-01', '2026-05-31'],
    ],
  },
  {
    name: 'Utility',
    code: 'UTILITY',
    description: 'Operation and maintenance of the city’s lines, stations and meters.',
    association: null,
    clock: ClockStart.KNOWLEDGE,
    terms: [['2024-01-01', '2026-12-31']],
  },
];

const [inside, utility] = units as [Unit, Unit];

const unitId = ({ code }: Unit): string => idOf('bargaining_units', code, at);
const agreementId = ({ code }: Unit, term: number): string => idOf('agreements', `${code}/${term}`, at);

const { NONE, WAIVED, DENIED } = MissConsequence;

/** The eleven limits of every agreement: filing, three steps, award. */
const limits: readonly (readonly [
  step: number,
  act: TimeLimitAct,
  days: number,
  unit: DayUnit,
  from: LimitBase,
  onMiss: MissConsequence,
])[] = [
  [1, TimeLimitAct.FILE, 15, DayUnit.WORKING, LimitBase.INCIDENT, WAIVED],
  ...[1, 2, 3].flatMap((step) => [
    [step, TimeLimitAct.MEET, 40, DayUnit.CALENDAR, LimitBase.SUBMISSION, NONE] as const,
    [step, TimeLimitAct.ANSWER, 10, DayUnit.WORKING, LimitBase.MEETING, DENIED] as const,
    [step, TimeLimitAct.APPEAL, 10, DayUnit.WORKING, LimitBase.ANSWER, WAIVED] as const,
  ]),
  [4, TimeLimitAct.AWARD, 30, DayUnit.CALENDAR, LimitBase.MEETING, NONE],
];

/** The articles that the violations refer to, with their numbers. */
const articles: readonly (readonly [number: string, title: string])[] = [
  ...new Map(
    violationTexts.map(({ article }) => {
      const [, number = '', title = ''] = /^Article (\S+) – (.+)$/.exec(article) ?? [];
      return [number, title] as const;
    }),
  ),
].sort(([one], [other]) => Number(one) - Number(other));

export const unitKind: Kind = { table: 'bargaining_units', parts: [] };
export const agreementKind: Kind = { table: 'agreements', parts: ['agreement_articles', 'agreement_limits'] };

export const unitDossiers = (): readonly Dossier[] => units.map((unit) => ({ bargaining_units: [unitRow(unit)] }));

const unitRow = (unit: Unit): BargainingUnitRow => ({
  id: unitId(unit),
  created_at: at,
  updated_at: at,
  deleted_at: null,
  name: unit.name,
  code: unit.code,
  description: unit.description,
});

/** The three agreements, with their articles and limits. */
export const agreementDossiers = (): readonly Dossier[] =>
  units.flatMap((unit) =>
    unit.terms.map((_, term) => ({
      agreements: [agreementRow(unit, term)],
      agreement_articles: articles.map(([number, title], place) => articleRow(agreementId(unit, term), place, [number, title])),
      agreement_limits: limits.map((_limit, place) => limitRow(agreementId(unit, term), place)),
    })),
  );

/** The ids of the agreements. */
export const agreementIds: readonly string[] = units.flatMap((unit) => unit.terms.map((_, term) => agreementId(unit, term)));

function agreementRow(unit: Unit, term: number): AgreementRow {
  const [first = '', last = ''] = unit.terms[term] ?? [];
  return {
    id: agreementId(unit, term),
    created_at: at,
    updated_at: at,
    deleted_at: null,
    title: `${unit.name} Agreement ${first.slice(0, 4)}–${last.slice(0, 4)}`,
    code: unit.code,
    unit_id: unitId(unit),
    calendar_id: calendarId,
    association: unit.association,
    effective_date: first,
    expiration_date: last,
    renews_yearly: false,
    notice_days: 60,
    signed_date: plusDays(first, -12),
    clock: unit.clock,
    first_day_counts: false,
    rolls_forward: true,
    extensions_in_writing: true,
    steps: 3,
    version: 1,
  };
}

const articleRow = (agreement: string, place: number, [number, title]: readonly [string, string]): AgreementArticleRow => ({
  id: articleId(agreement, number),
  created_at: at,
  updated_at: at,
  agreement_id: agreement,
  place,
  number,
  title,
});

const articleId = (agreement: string, number: string): string => idOf('agreement_articles', `${agreement}/${number}`, at);

function limitRow(agreement: string, place: number): AgreementLimitRow {
  const [step, act, days, dayUnit, countsFrom, onMiss] = limits[place] as (typeof limits)[number];
  return {
    id: idOf('agreement_limits', `${agreement}/${place}`, at),
    created_at: at,
    updated_at: at,
    agreement_id: agreement,
    step,
    act,
    days,
    day_unit: dayUnit,
    counts_from: countsFrom,
    on_miss: onMiss,
  };
}

const employersPerBlock = 13;

/** Signatures. The first employer of a block is a utility; the others have signed both inside agreements. */
export const assents: ScaledKind = {
  table: 'agreement_employers',
  parts: [],
  perBlock: 1 + (employersPerBlock - 1) * 2,
  dossiers: assentDossiers,
};

function* assentDossiers(scale: number): Generator<Dossier> {
  for (let block = 0; block < scale; block += 1) {
    yield { agreement_employers: [assentRow(block, 0, [utility, 0])] };
    for (let nth = 1; nth < employersPerBlock; nth += 1)
      for (const term of [0, 1]) yield { agreement_employers: [assentRow(block, nth, [inside, term])] };
  }
}

function assentRow(block: number, nth: number, [unit, term]: readonly [Unit, number]): AgreementEmployerRow {
  const organization = organizationId(employerIndex(block, nth));
  const hasLeft = nth === employersPerBlock - 1 && term === 1;
  return {
    id: idOf('agreement_employers', `${organization}/${unit.code}/${term}`, at),
    created_at: at,
    updated_at: at,
    agreement_id: agreementId(unit, term),
    organization_id: organization,
    assented_date: unit.terms[term]?.[0] ?? '',
    // after the last incident with a grievance
    ended_date: hasLeft ? daysAgo(5) : null,
  };
}

/**
 * Returns the agreement that governs a grievance against the employer of the member at this place, and its article of
 * this name.
 */
export function governingOf(member: number, article: string | null): { readonly agreement_id: string; readonly article_id: string | null } {
  const isUtility = (member * 5) % employersPerBlock === 0;
  const agreement = isUtility ? agreementId(utility, 0) : agreementId(inside, 1);
  const number = /^Article (\S+)/.exec(article ?? '')?.[1];
  return { agreement_id: agreement, article_id: number === undefined ? null : articleId(agreement, number) };
}

/**
 * Returns the time limits of the agreement that governs a grievance against the employer of the member at this place.
 */
export const termsFor = (member: number): LimitTerms => ({
  clock: ((member * 5) % employersPerBlock === 0 ? utility : inside).clock,
  steps: 3,
  firstDayCounts: false,
  rollsForward: true,
  limits: limits.map(([step, act, days, dayUnit, countsFrom, onMiss]) => ({ step, act, days, dayUnit, countsFrom, onMiss })),
  calendar,
});

const calendar = { workweek: usualWorkweek, holidays: holidayDays };
