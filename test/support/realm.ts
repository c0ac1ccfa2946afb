import { types } from 'node:util';

// Each test file has globals of its own, and what Node itself throws is made of Node's: without this, an error of the system
// would be no `Error` in a test, which it is everywhere else.
const isInstance = (value: unknown, type: unknown): boolean => Function.prototype[Symbol.hasInstance].call(type, value);

Object.defineProperty(Error, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    return (this === Error && types.isNativeError(value)) || isInstance(value, this);
  },
});
