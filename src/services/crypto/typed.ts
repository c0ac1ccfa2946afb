/** Longer than any code or token, however it is typed. */
const maxTyped = 300;

/** A token as it was given out, without the white space that copying it added. */
export function typedToken(text: string): string {
  return text.length > maxTyped ? text : text.replace(/[\s\u200B\u2060\uFEFF]/gu, '');
}

/** A code as it was given out: without spaces and dashes, and with ASCII digits and letters for full-width ones. */
export function typedCode(text: string): string {
  if (text.length > maxTyped) return text;
  const ascii = text.replace(/[\uFF01-\uFF5E]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0));
  return typedToken(ascii).replace(/[\p{Dash_Punctuation}\u2212]/gu, '');
}
