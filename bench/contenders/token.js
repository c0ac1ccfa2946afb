import { createSecretKey } from 'node:crypto';
import jwt from 'jsonwebtoken';

const key = createSecretKey(Buffer.from(process.env.BENCH_SECRET ?? '', 'base64'));

/** @param {string | undefined} header `Bearer …` */
export function verifyToken(header) {
  const claims = jwt.verify((header ?? '').slice('Bearer '.length), key, { algorithms: ['HS256'], audience: 'bench' });
  return String(claims.sub);
}
