import { RoleName } from '../entities/role.ts';
import { allow, orWithSetupToken, recordedEach, withStepUp, type Operations } from './rule.ts';

const admins = allow(RoleName.ADMIN);

export const operations: Operations = {
  Query: { settings: recordedEach(admins) },
  Mutation: {
    testConnection: recordedEach(orWithSetupToken(withStepUp(admins))),
    saveConnection: recordedEach(orWithSetupToken(withStepUp(admins))),
  },
};

export const rows = [];
