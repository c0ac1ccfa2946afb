export type { Head } from './chain.ts';
export { exportAudit } from './export.ts';
export { Refusals, type RefusedOperation } from './refusal.ts';
export { startSealing, type Sealing } from './rounds.ts';
export { sealEvents } from './seal.ts';
export { readHead, tellFault, tellHead, verifyAudit } from './verify.ts';
