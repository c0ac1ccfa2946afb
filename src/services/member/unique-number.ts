/** The field whose value the constraint keeps unique: numbers of deleted members are not given again. */
export const numberIsTaken = { members_member_number_unique: 'input.memberNumber' } as const;
