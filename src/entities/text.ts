/**
 * Text as it is compared where case, accents and apostrophes do not count: SQL over a text expression. It goes by no
 * collation, but for the case of letters outside Latin. An apostrophe counts for nothing, so O’Brien is also found as
 * OBrien; letters that no accent makes of another are taken for the nearest one.
 */
export const folded = (text: string): string =>
  `lower(translate(regexp_replace(normalize(${text} collate "default", NFD), '${ignored}', '', 'g'), '${odd}', '${plain}'))`;

/** Combining marks, joiners, and all that is typed for an apostrophe. */
const ignored = "[\\u0300-\\u036F\\u200C\\u200D''\\u2018\\u2019\\u02BC\\u0060\\u00B4\\u2032]";
const [odd, plain] = ['ØøŁłĐđıÆæŒœßÞþ', 'OoLlDdiAaOosTt'];

/**
 * What is joined to a text before it is compared by the next: it is less than any character, so that all of one name come
 * before those of a longer one.
 */
export const separator = "E'\\x01'";

/**
 * Text as it is taken in: composed (NFC), as keyboards write it, and without characters that show nothing. Those are what
 * Unicode calls default ignorable: zero-width spaces, marks of direction, fillers. They stay where they do something: the
 * joiners and selectors of an emoji, the tags of a flag, the joiners of Arabic and Indic scripts, the variants of an ideograph.
 * Control characters show nothing either, but for blanks and line breaks; U+0000 is refused elsewhere.
 */
export const cleaned = (text: string): string =>
  isPlain.test(text) ? text : text.normalize('NFC').replace(hidden, (_, flag?: string) => flag ?? '');

const isPlain = /^[\t\n\r\x20-\x7e]*$/;

const joined = '\\p{Extended_Pictographic}\\p{Emoji_Modifier}\\uFE0F';
const scripts = ['Arab', 'Syrc', 'Mong', 'Deva', 'Beng', 'Guru', 'Gujr', 'Orya', 'Taml', 'Telu', 'Knda', 'Mlym', 'Sinh', 'Khmr'];
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

/** How long a text is for PostgreSQL, which counts code points. */
export const lengthOf = (text: string): number => {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
};

/** Whether a text is longer than this in code points. */
export const isLonger = (text: string, most: number): boolean => text.length > most && (text.length > 2 * most || lengthOf(text) > most);
