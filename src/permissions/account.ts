import { OneTimeToken } from '../entities/account.ts';
import {
  anyone,
  evenBeforePasswordChange,
  evenBeforeVerification,
  noRows,
  signedIn,
  steppedUp,
  type Operations,
} from './rule.ts';

export const operations: Operations = {
  Query: {
    isConfigured: anyone,
  },
  Mutation: {
    setupOwner: anyone,
    register: anyone,
    requestPasswordReset: anyone,
    resetPassword: anyone,
    verifyEmail: anyone,
    requestEmailVerification: evenBeforeVerification,
    changePassword: evenBeforePasswordChange,
    changeEmail: steppedUp(signedIn),
    updateProfile: signedIn,
  },
};

export const rows = [noRows(OneTimeToken)];
