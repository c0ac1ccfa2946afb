import { types } from 'node:util';

// Each test file has globals of its own, and what Node itself throws is made of Node's: without this, an error of the system
// would be no `Error` in a test, which it is everywhere else.
const isInstance = (value: unknown, type: unknown): boolean => Function.prototype[Symbol.hasInstance].call(type, value);

Object.defineProperty(Error, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    return (this === Error && types.isNativeError(value)) || isInstance(value, this);
  },
});

// Fastify looks for the name of each plugin among all loaded modules, which takes Jest a tenth of a second. A name of any kind
// spares that.
Object.defineProperty(Function.prototype, Symbol.for('fastify.display-name'), { value: 'plugin', writable: true, configurable: true });
