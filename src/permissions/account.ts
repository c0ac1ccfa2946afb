import { OneTimeToken } from '../entities/account.ts';
import {
  anyone,
  evenBeforePasswordChange,
  evenBeforeVerification,
  noRows,
  signedIn,
  withStepUp,
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
    changeEmail: withStepUp(signedIn),
    updateProfile: signedIn,
  },
};

export const rows = [noRows(OneTimeToken)];
