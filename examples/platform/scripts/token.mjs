// Prints an access token for the API, signed as the control plane signs it.
//
//   npm run --silent token -- USER ORG ROLE
//
// JWT_KEY_1 is the key; the token is good for an hour.
import { createHmac, randomBytes } from 'node:crypto';

const LIFE_S = 3600;

function encoded(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function token(key, user, org, role) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    sub: user,
    orgId: org,
    role,
    jti: randomBytes(16).toString('hex'),
    boundOrgId: org,
    iat: now,
    exp: now + LIFE_S,
    aud: process.env.JWT_AUDIENCE || 'smartbeak',
    iss: process.env.JWT_ISSUER || 'smartbeak-api',
  };
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

const [user, org, role, ...rest] = process.argv.slice(2);
const key = process.env.JWT_KEY_1;
if (!role || rest.length > 0) {
  console.error('usage: npm run --silent token -- USER ORG ROLE');
  process.exit(2);
} else if (!key) {
  console.error('JWT_KEY_1 is not set');
  process.exit(1);
}
console.log(token(key, user, org, role));
