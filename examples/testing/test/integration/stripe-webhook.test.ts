import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import { setting, WEB } from '../support/platform';

// The official library signs; no request goes to Stripe.
const stripe = new Stripe('sk_test_unused');

function event(): string {
  return JSON.stringify({
    id: `evt_${randomUUID()}`,
    object: 'event',
    api_version: '2023-10-16',
    created: Math.floor(Date.now() / 1000),
    type: 'customer.created',
    data: { object: { id: 'cus_test', object: 'customer' } },
  });
}

async function deliver(payload: string, secret: string, signed = payload): Promise<number> {
  const header = stripe.webhooks.generateTestHeaderString({ payload: signed, secret });
  const answer = await fetch(`${WEB}/api/webhooks/stripe`, {
    method: 'POST',
    headers: { 'stripe-signature': header, 'content-type': 'application/json' },
    body: payload,
  });
  return answer.status;
}

const secret = setting('STRIPE_WEBHOOK_SECRET');

test('an event with a good signature is taken', async () => {
  expect(await deliver(event(), secret)).toBe(200);
});

test('an event signed with another secret is refused', async () => {
  expect(await deliver(event(), 'whsec_another')).toBe(400);
});

test('an event that was changed on its way is refused', async () => {
  const payload = event();
  const changed = payload.replace('cus_test', 'cus_other');
  expect(await deliver(changed, secret, payload)).toBe(400);
});
