export { ArchiveError, findArchive } from './archive.ts';
export { archiveLines, checkArchive, verifyArchive, type ArchiveFile } from './archivefile.ts';
export { planArchive, removeArchived, type ArchivePlan } from './archiving.ts';
export type { ChainHead } from './chain.ts';
export { exportAudit } from './export.ts';
export { Refusals, type RefusedOperation } from './refusal.ts';
export { batchSize, sealEvents } from './seal.ts';
export { readHead, formatVerifiedPart, formatFault, formatHead, verifyAudit } from './verify.ts';
