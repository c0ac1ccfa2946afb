import type { Dice } from './random.ts';

const cities: readonly (readonly [city: string, zipPrefix: string])[] = [
  ['Ridgemont', '430'],
  ['Port Haldane', '431'],
  ['Millbrook Falls', '432'],
  ['East Ridgemont', '430'],
  ['Garrison', '433'],
  ['Stillwater Junction', '434'],
  ['Copperfield', '431'],
  ['Lake Hollis', '435'],
];

const streets = ['Foundry', 'Canal', 'Maple', 'Union', 'Depot', 'Lincoln', 'Quarry', 'Third', 'Prospect', 'Harbor', 'Mill', 'Chestnut'];
const ways = ['St', 'Ave', 'Rd', 'Blvd', 'Ct'];

/** Generates an address in the region of the local. None of these addresses exists. */
export function addressFrom(dice: Dice, mayBeApartment: boolean): { address: string; city: string; state: string; zip_code: string } {
  const [city, zipPrefix] = dice.pick(cities);
  const unit = mayBeApartment && dice.chance(20) ? `, Apt ${dice.between(1, 40)}` : '';
  return {
    address: `${dice.between(10, 9800)} ${dice.pick(streets)} ${dice.pick(ways)}${unit}`,
    city,
    state: 'OH',
    zip_code: `${zipPrefix}${String(dice.between(10, 99))}${dice.chance(15) ? `-${dice.between(1000, 9999)}` : ''}`,
  };
}

const phoneForms: readonly ((area: string, line: string) => string)[] = [
  (area, line) => `(${area}) 555-${line}`,
  (area, line) => `${area}-555-${line}`,
  (area, line) => `${area}.555.${line}`,
  (area, line) => `+1 ${area} 555 ${line}`,
  (area, line) => `${area}555${line}`,
  (area, line) => `(${area}) 555-${line} ext. ${line.slice(-2)}`,
];

/** Generates a telephone number from the range for fiction, in one of the usual notations. */
export function phoneFrom(dice: Dice): string {
  const line = `01${String(dice.between(0, 99)).padStart(2, '0')}`;
  return dice.pick(phoneForms)(dice.pick(['614', '740', '380']), line);
}
