// Asks the simulated Stripe with Stripe's own library for Node; prints what it was answered.
import { createRequire } from 'node:module';

const Stripe = createRequire(process.env.CLIENTS)('stripe');
const stripe = new Stripe(process.env.STRIPE_API_KEY, {
  apiVersion: '2023-10-16', host: '127.0.0.1', port: process.env.STRIPE_PORT, protocol: 'http',
  maxNetworkRetries: 0, telemetry: false,
});
const refused = (call) => call.then(() => 'taken', (error) => `${error.type} ${error.code}`);

const intent = await stripe.paymentIntents.create({
  amount: 700, currency: 'usd', payment_method: 'pm_card_visa', confirm: true,
});
const refund = () => stripe.refunds.create({ payment_intent: intent.id }, { idempotencyKey: 'one' });
const [first, second] = [await refund(), await refund()];
const events = [];
for await (const event of stripe.events.list({ limit: 2 })) events.push(event.type);
const payload = JSON.stringify({ id: 'evt_1', object: 'event' }, null, 2);
const header = stripe.webhooks.generateTestHeaderString({ payload, secret: process.env.SECRET });
console.log(JSON.stringify({
  status: intent.status,
  once: first.id === second.id,
  events: events.reverse(),
  unknown: await refused(stripe.customers.create({ colour: 'red' })),
  declined: await refused(stripe.paymentIntents.create({
    amount: 700, currency: 'usd', payment_method: 'pm_card_chargeDeclined', confirm: true,
  })),
  reused: await refused(stripe.refunds.create({ payment_intent: intent.id, amount: 1 }, { idempotencyKey: 'one' })),
  payload, header,
}));
