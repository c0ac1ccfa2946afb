import { domainToASCII } from 'node:url';

/**
 * Normalizes an e-mail address to the form that is stored and looked up: composed (NFC), the domain in lower case and
 * Punycode, letters outside ASCII in lower case. Only A to Z keep their case: PostgreSQL's `lower` folds them in the
 * collation `C`, as {@link foldCase} does here. An address with an invalid domain stays unchanged.
 */
export function normalizeEmail(text: string): string {
  const email = text.trim().normalize('NFC');
  const at = email.lastIndexOf('@');
  if (at === -1) return email;
  const domain = asciiDomain(email.slice(at + 1));
  return domain === '' ? email : `${lowerOutsideAscii(email.slice(0, at))}@${domain}`;
}

/** Normalizes a sign-in name for the lookup: a username, possibly in full-width letters, or an e-mail address. */
export function normalizeIdentifier(text: string): string {
  const identifier = text.includes('@') ? text : text.trim().normalize('NFKC');
  return identifier.includes('@') ? normalizeEmail(identifier) : identifier;
}

/** Converts A to Z to lower case, as PostgreSQL's `lower` does in the collation `C`. */
export const foldCase = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Whether two addresses differ in more than the case of their letters. */
export const isAnotherAddress = (one: string, other: string): boolean => foldCase(one) !== foldCase(other);

/** Returns the domain in ASCII, or an empty text if it is invalid. ASCII domains are not checked. */
function asciiDomain(domain: string): string {
  if (/^[\x21-\x7e]*$/.test(domain)) return foldCase(domain);
  return /[%/?#\\:]/.test(domain) ? '' : foldCase(domainToASCII(domain));
}

/** Converts letter by letter: in a whole text, the lower case of sigma depends on the next letter. */
const lowerOutsideAscii = (text: string): string =>
  text.replace(/[^\0-\x7f]/gu, (letter) => letter.toLowerCase()).normalize('NFC');
