/** Crockford's alphabet. It omits I, L, O and U, so that no characters look alike and no words are spelled. */
export const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Normalizes typed text of Crockford's alphabet: upper case, 0 for O, and 1 for I and L. */
export const typedCrockford = (text: string): string =>
  text.toUpperCase().replaceAll('O', '0').replaceAll(/[IL]/g, '1');

/**
 * Encodes five bits per character, the first bits first. Fills an incomplete last group with zeros; adds no padding.
 */
export function toBase32(bytes: Uint8Array, alphabet: string): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => alphabet.charAt(Number.parseInt(group.padEnd(5, '0'), 2))).join('');
}

/** Decodes such a text. Null if a character is not in the alphabet or the fill bits are not zero. */
export function fromBase32(text: string, alphabet: string): Buffer | null {
  const digits = [...text].map((character) => alphabet.indexOf(character));
  if (digits.includes(-1)) return null;
  const bits = digits.map((digit) => digit.toString(2).padStart(5, '0')).join('');
  const whole = bits.match(/.{8}/g) ?? [];
  const rest = bits.slice(8 * whole.length);
  return rest.length > 4 || rest.includes('1') ? null : Buffer.from(whole.map((byte) => Number.parseInt(byte, 2)));
}
