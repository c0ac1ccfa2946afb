import { addRegistrant, createBook } from './books.ts';
import { outOfWorkList } from './out-of-work-list.ts';
import { leave, register, resign } from './registrations.ts';

/** The referral hall. Every change returns the id of its record. */
export const referral = { createBook, addRegistrant, register, resign, leave, outOfWorkList };
