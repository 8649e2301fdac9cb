import { createHmac, randomUUID } from 'node:crypto';
import { Pool } from 'pg';

/** What a test needs of the environment; a missing name says so at once. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set: source .env first`);
  return value;
}

export const API = 'http://127.0.0.1:3001';
export const WEB = 'http://127.0.0.1:3000';

export function database(): Pool {
  return new Pool({ connectionString: setting('CONTROL_PLANE_DB'), max: 2 });
}

export function redis(): { host: string; port: number } {
  const url = new URL(setting('REDIS_URL'));
  return { host: url.hostname, port: Number(url.port || 6379) };
}

/** A token as `npm run token` prints it. */
export function token(user: string, org: string, role: string): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = [
    encode({ alg: 'HS256', typ: 'JWT' }),
    encode({
      ...{ sub: user, orgId: org, role, boundOrgId: org, jti: randomUUID() },
      ...{ iat: now, exp: now + 3600, aud: 'smartbeak', iss: 'smartbeak-api' },
    }),
  ].join('.');
  const signature = createHmac('sha256', setting('JWT_KEY_1')).update(signed).digest('base64url');
  return `${signed}.${signature}`;
}
