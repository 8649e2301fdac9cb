// Asks the simulated Paddle with Paddle's own library for Node; prints what it was answered.
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';

const { Environment, Paddle } = createRequire(process.env.CLIENTS)('@paddle/paddle-node-sdk');
// The library knows only Paddle's own hosts: what is for them goes to this machine, as for them.
const own = 'https://api.paddle.com';
globalThis.fetch = (url, { method, headers, body }) => new Promise((done, fail) => {
  if (!`${url}`.startsWith(`${own}/`)) throw new Error(`not Paddle: ${url}`);
  const asked = request(`${url}`.replace(own, process.env.PADDLE_BASE), {
    method, headers: { ...headers, Host: 'api.paddle.com', 'Content-Length': Buffer.byteLength(body ?? '') },
  }, async (answer) => done(new Response(await text(answer), { status: answer.statusCode })));
  asked.on('error', fail).end(body);
});
const paddle = new Paddle(process.env.PADDLE_API_KEY, { environment: Environment.production });
const refused = (call) => call.then(() => 'taken', (error) => error.code ?? error.message);

const customer = await paddle.customers.create({ email: 'a@example.com' });
const address = await paddle.addresses.create(customer.id, { countryCode: 'US' });
const order = await paddle.transactions.create({
  items: [{ priceId: 'pri_plan_pro', quantity: 1 }], customerId: customer.id, addressId: address.id,
  customData: { org_id: 'org_1' },
});
const prices = [];
for await (const price of paddle.prices.list({ perPage: 2, orderBy: 'id[ASC]' })) prices.push(price.unitPrice.amount);
const [setting] = await paddle.notificationSettings.list();
const secret = setting.endpointSecretKey;
const event = await paddle.webhooks.unmarshal(process.env.BODY, secret, process.env.HEADER);
console.log(JSON.stringify({
  order: `${order.status} ${order.details.totals.grandTotal}`,
  prices,
  same: secret === process.env.SECRET,
  event: `${event.eventType} ${event.data.status}`,
  forged: await refused(paddle.webhooks.unmarshal(`${process.env.BODY} `, secret, process.env.HEADER)),
  unknown: await refused(paddle.customers.create({ email: 'b@example.com', colour: 'red' })),
  twice: await refused(paddle.customers.create({ email: 'a@example.com' })),
  nobody: await refused(paddle.subscriptions.get('sub_unknown')),
}));
