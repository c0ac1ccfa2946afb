/** More than the length of any typed code or token. */
const maxTyped = 300;

/** Removes the white space that copying adds to a token. */
export function typedToken(text: string): string {
  return text.length > maxTyped ? text : text.replace(/[\s\u200B\u2060\uFEFF]/gu, '');
}

/** Normalizes a typed code: removes spaces and dashes, and converts full-width digits and letters to ASCII. */
export function typedCode(text: string): string {
  if (text.length > maxTyped) return text;
  const ascii = text.replace(/[\uFF01-\uFF5E]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0));
  return typedToken(ascii).replace(/[\p{Dash_Punctuation}\u2212]/gu, '');
}
