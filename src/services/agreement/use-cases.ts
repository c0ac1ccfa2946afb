import { setArticles } from './articles.ts';
import { createBargainingUnit, updateBargainingUnit } from './bargaining-unit.ts';
import { createAgreement } from './create-agreement.ts';
import { addEmployer, endEmployer } from './employers.ts';
import { agreementFor } from './governing.ts';
import { setLimits } from './limits.ts';
import { deleteAgreement, updateAgreement } from './update-agreement.ts';

/** Collective bargaining agreements with their units. Every change returns the id of the agreement or of the unit. */
export const agreements = {
  create: createAgreement,
  update: updateAgreement,
  delete: deleteAgreement,
  setLimits,
  setArticles,
  addEmployer,
  endEmployer,
  agreementFor,
  createUnit: createBargainingUnit,
  updateUnit: updateBargainingUnit,
};
