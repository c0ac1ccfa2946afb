import { tooComplex } from '../errors.ts';

/** How many objects an operation may still be answered beyond what its document was counted as. */
export class Allowance {
  /** Nothing is refused of a mutation's answer: the change is made by then. */
  left = Infinity;

  /** @throws TOO_COMPLEX */
  spend(objects: number): void {
    this.left -= objects;
    if (this.left < 0) throw tooComplex('The lists in the answer are longer than one operation may ask for. Ask for fewer objects.');
  }
}
