/**
 * SQL that folds text, so that comparisons ignore case, accents and apostrophes. Independent of the collation, except
 * for the case of letters outside Latin. Apostrophes are dropped, so O’Brien is also found as OBrien. Letters without
 * an accent decomposition become the nearest base letter.
 */
export const folded = (text: string): string =>
  `lower(translate(regexp_replace(normalize(${text} collate "default", NFD), '${ignored}', '', 'g'), '${odd}', '${plain}'))`;

/** Combining marks, joiners, and all characters that are typed as an apostrophe. */
const ignored = "[\\u0300-\\u036F\\u200C\\u200D''\\u2018\\u2019\\u02BC\\u0060\\u00B4\\u2032]";
const [odd, plain] = ['ØøŁłĐđıÆæŒœßÞþ', 'OoLlDdiAaOosTt'];

/**
 * Joins a text to the next sort key. It is less than any character, so that all rows of one name come before those of a
 * longer name.
 */
export const separator = "E'\\x01'";

/**
 * Cleans input text: composes it (NFC), as keyboards do, and removes invisible characters. These are Unicode's default
 * ignorable characters: zero-width spaces, direction marks, fillers. They stay where they have an effect: joiners and
 * selectors of emoji, tags of flags, joiners of Arabic and Indic scripts, variants of ideographs. Also removes control
 * characters other than blanks and line breaks; U+0000 is refused elsewhere.
 */
export const cleaned = (text: string): string =>
  isPlain.test(text) ? text : text.normalize('NFC').replace(hidden, (_, flag?: string) => flag ?? '');

const isPlain = /^[\t\n\r\x20-\x7e]*$/;

const joined = '\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\uFE0F';
const scripts = [
  'Arab',
  'Syrc',
  'Mong',
  'Deva',
  'Beng',
  'Guru',
  'Gujr',
  'Orya',
  'Taml',
  'Telu',
  'Knda',
  'Mlym',
  'Sinh',
  'Khmr',
];
const shaped = scripts.map((script) => `\\p{Script=${script}}`).join('');
const hidden = new RegExp(
  [
    '(\\u{1F3F4}[\\u{E0020}-\\u{E007F}]+)',
    `(?<![${joined}${shaped}])[\\u200C\\u200D]`,
    '[\\u0001-\\u0008\\u000E-\\u001F\\u007F-\\u009F\\uFFF9-\\uFFFB]',
    '(?<!\\p{Emoji})[\\uFE0E\\uFE0F]',
    '[\\u{E0020}-\\u{E007F}]',
    '(?<!\\p{Ideographic})[\\u{E0100}-\\u{E01EF}]',
    '(?![\\u200C\\u200D\\uFE0E\\uFE0F\\u{E0020}-\\u{E007F}\\u{E0100}-\\u{E01EF}])[\\p{Default_Ignorable_Code_Point}\\u2800]',
  ].join('|'),
  'gu',
);

/** Returns the length of a text in code points, as PostgreSQL counts it. */
export const lengthOf = (text: string): number => {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
};

/** Whether a text has more code points than this. */
export const isLonger = (text: string, most: number): boolean =>
  text.length > most && (text.length > 2 * most || lengthOf(text) > most);
