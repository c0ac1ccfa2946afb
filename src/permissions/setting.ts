import { RoleName } from '../entities/role.ts';
import { allow, orWithSetupToken, recordedEach, steppedUp, type Operations } from './rule.ts';

const admins = allow(RoleName.ADMIN);

export const operations: Operations = {
  Query: { settings: recordedEach(admins) },
  Mutation: {
    testConnection: recordedEach(orWithSetupToken(steppedUp(admins))),
    saveConnection: recordedEach(orWithSetupToken(steppedUp(admins))),
  },
};

export const rows = [];
