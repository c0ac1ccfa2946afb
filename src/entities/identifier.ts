import { domainToASCII } from 'node:url';

/**
 * An e-mail address in the one form in which it is stored and looked up: composed (NFC), its domain in lower case and in
 * Punycode, letters outside ASCII in lower case. What is left to fold are A to Z, which PostgreSQL's `lower` folds in the
 * collation `C`, and {@link foldCase} here. An address whose domain cannot be one stays as it is.
 */
export function normalizeEmail(text: string): string {
  const email = text.trim().normalize('NFC');
  const at = email.lastIndexOf('@');
  if (at === -1) return email;
  const domain = asciiDomain(email.slice(at + 1));
  return domain === '' ? email : `${lowerOutsideAscii(email.slice(0, at))}@${domain}`;
}

/** What somebody signs in with, as it is looked up: a username, also in full-width letters, or an e-mail address. */
export function normalizeIdentifier(text: string): string {
  const identifier = text.includes('@') ? text : text.trim().normalize('NFKC');
  return identifier.includes('@') ? normalizeEmail(identifier) : identifier;
}

/** Text with A to Z in lower case, as PostgreSQL's `lower` gives it in the collation `C`. */
export const foldCase = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** Whether two addresses differ in more than the case of their letters. */
export const isAnotherAddress = (one: string, other: string): boolean => foldCase(one) !== foldCase(other);

/** Returns the domain in ASCII, or an empty text if it is invalid. ASCII domains are not checked. */
function asciiDomain(domain: string): string {
  if (/^[\x21-\x7e]*$/.test(domain)) return foldCase(domain);
  return /[%/?#\\:]/.test(domain) ? '' : foldCase(domainToASCII(domain));
}

/** Letter by letter: in a whole text, the case of a sigma depends on what follows it. */
const lowerOutsideAscii = (text: string): string => text.replace(/[^\0-\x7f]/gu, (letter) => letter.toLowerCase()).normalize('NFC');
