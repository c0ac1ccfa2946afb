// Regenerates the list of common passwords from the development dependency that has them by frequency:
// node scripts/common.js
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { dictionary } from '@zxcvbn-ts/language-common';

const target = join(import.meta.dirname, '..', 'src', 'services', 'crypto', 'common.ts');
const { version } = createRequire(import.meta.url)('@zxcvbn-ts/language-common/package.json');
const most = 3000;
const leastLength = 8;
const lineLength = 118;

const byFrequency = dictionary['passwords-common'];
const shipped = new Set([...byFrequency.slice(0, most), ...byFrequency.filter((text) => text.length >= leastLength).slice(0, most)]);
const odd = [...shipped].filter((text) => text !== text.toLowerCase() || /[^!-~]|[`\\]|\$\{/.test(text));
if (odd.length > 0) throw new Error(`These passwords contain characters that the list cannot hold: ${odd.join(' ')}`);

writeFileSync(
  target,
  `/**
 * The ${most.toLocaleString('en')} most common passwords, the most common first, and then what it takes to have the ${most.toLocaleString('en')} most common of at
 * least ${leastLength} characters too; in small letters, parted by white space. Derived by scripts/common.js from
 * @zxcvbn-ts/language-common ${version}, whose licence (MIT) is:
 *
 * Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc.
 * Copyright (c) 2021 @zxcvbn-ts
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
 * documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
 * rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
 * persons to whom the Software is furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
 * Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
 * WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
 * COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
 * OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 */
export const commonPasswords = \`
${lines([...shipped]).join('\n')}
\`;
`,
);

/** @param {string[]} words */
function lines(words) {
  const filled = [''];
  for (const word of words) {
    const last = filled.at(-1);
    if (last === '') filled[filled.length - 1] = word;
    else if (`${last} ${word}`.length <= lineLength) filled[filled.length - 1] = `${last} ${word}`;
    else filled.push(word);
  }
  return filled;
}
