/** Maps the unique constraint to its field. Numbers of deleted members are not reused. */
export const numberIsTaken = { members_member_number_unique: 'input.memberNumber' } as const;
