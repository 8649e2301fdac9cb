// The platform's database migrations. Run by npm:
//
//   npm run migrate                    apply what is pending, as one batch
//   npm run migrate:rollback           take back the last batch, all of it
//   npm run migrate:rollback -- --all  take back everything
//   npm run migrate:status             what is applied and what is pending
//   npm run migrate:make -- NAME       write a new pair of files
//   npm run migrate:baseline           record all as applied (batch 0), run nothing
//
// The database is CONTROL_PLANE_DB; the password comes from PGPASSFILE, and TLS
// from PGSSLMODE and PGSSLROOTCERT, as for psql.
import { readFileSync, writeFileSync } from 'node:fs';
import knex from 'knex';
import pgpass from 'pgpass';
import { FOLDER, SqlMigrationSource } from '../migrations/sql-migration-source.mjs';

const TABLE = 'schema_migrations';
const CONNECT_TIMEOUT_MS = 5000;
const source = new SqlMigrationSource();

const commands = { up, rollback, status, make, baseline };
const quiet = () => {};

async function up(db) {
  console.log('Running all pending migrations...');
  const [batch, names] = await db.migrate.latest();
  if (names.length === 0) console.log('Already up to date.');
  else show(names, `Batch ${batch}: ${names.length} migration(s) applied:`, '+');
}

async function rollback(db, [option]) {
  if (option !== undefined && option !== '--all') throw new Error(`unknown option ${option}`);
  const all = option === '--all';
  console.log(all ? 'Rolling back all migrations...' : 'Rolling back last batch...');
  // To Knex a baseline is a batch like any other, and taking it back would drop
  // the tables that were there before there were migrations.
  const [applied] = await db.migrate.list();
  if (!all && applied.length > 0 && (await lastBatch(db)) === 0) {
    console.log('Nothing to rollback: batch 0 is the baseline.');
    return;
  }
  const [batch, names] = await db.migrate.rollback(undefined, all);
  if (names.length === 0) console.log('Nothing to rollback.');
  else show(names, `Batch ${batch}: ${names.length} migration(s) rolled back:`, '-');
}

async function status(db) {
  const [applied, pending] = await db.migrate.list();
  const names = applied.map(({ name }) => name);
  show(names, `\nCompleted migrations (${names.length}):`, '[x]');
  show(pending, `\nPending migrations (${pending.length}):`, '[ ]');
  console.log('');
}

async function baseline(db) {
  console.log('Baselining: marking all existing migrations as applied...');
  // Asking for the list makes the tracking tables where they are missing.
  const [, pending] = await db.migrate.list();
  const rows = pending.map((name) => ({ name, batch: 0, migration_time: new Date() }));
  if (rows.length > 0) await db(TABLE).insert(rows);
  console.log(`Baselined ${rows.length} migration(s) (batch 0).`);
  console.log(`Total tracked: ${(await source.getMigrations()).length}`);
}

async function make([name]) {
  if (!name) throw new Error('a name is needed: npm run migrate:make -- add_tags_table');
  const safe = name.replace(/[^a-z0-9_]/gi, '_').toLowerCase();
  const pair = `${await nextStamp()}_${safe}`;
  const [upFile, downFile] = ['up', 'down'].map((way) => `${FOLDER}${pair}.${way}.sql`);
  writeFileSync(upFile, `-- Migration: ${name}\n`, { flag: 'wx' });
  writeFileSync(downFile, `-- Rollback: ${name}\n`, { flag: 'wx' });
  console.log('Created migration files:');
  console.log(`  UP:   ${upFile}`);
  console.log(`  DOWN: ${downFile}`);
}

// Now, but after the newest: some are dated in the future, and one that sorts
// before what it builds on would fail on an empty database.
async function nextStamp() {
  const stamp = (date) => date.toISOString().replace(/\D/g, '').slice(0, 14);
  const newest = (await source.getMigrations()).at(-1) ?? '';
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)_/.exec(newest) ?? [];
  const after = year ? Date.UTC(year, month - 1, day, hour, minute, Number(second) + 1) : 0;
  return stamp(new Date(Math.max(Date.now(), after)));
}

async function lastBatch(db) {
  const [{ last }] = await db(TABLE).max('batch as last');
  return last;
}

function show(names, title, sign) {
  console.log(title);
  for (const name of names) console.log(`  ${sign} ${name}`);
}

function connect() {
  const said = process.env.CONTROL_PLANE_DB;
  if (!said) throw new Error('CONTROL_PLANE_DB is not set');
  if (!URL.canParse(said)) throw new Error('CONTROL_PLANE_DB is no URL');
  const url = new URL(said);
  return knex({
    client: 'pg',
    connection: {
      host: url.hostname,
      port: Number(url.port || 5432),
      user: decodeURIComponent(url.username),
      database: decodeURIComponent(url.pathname.slice(1)),
      // As psql does when the URL has none: pg's own look into PGPASSFILE ends with pg 9.
      password: decodeURIComponent(url.password) || fromPasswordFile,
      ssl: tls(
        url.searchParams.get('sslmode') ?? process.env.PGSSLMODE ?? 'prefer',
        url.searchParams.get('sslrootcert') ?? process.env.PGSSLROOTCERT,
      ),
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'migrate',
    },
    pool: { min: 0, max: 2 },
    migrations: { tableName: TABLE, migrationSource: source },
    log: { debug: quiet, warn: quiet, deprecate: quiet, error: quiet },
  });
}

// Asked only when the server wants a password.
function fromPasswordFile({ host, port, user, database }) {
  return new Promise((resolve, reject) => {
    const where = `${user} at ${host}:${port}/${database}`;
    pgpass({ host, port, user, database }, (found) => {
      if (found) resolve(found);
      else reject(new Error(`PGPASSFILE has no password for ${where}`));
    });
  });
}

// The words are libpq's. What it tries first and then leaves is left at once here.
function tls(mode, authority) {
  switch (mode) {
    case 'disable':
    case 'allow':
    case 'prefer':
      return false;
    case 'require':
      return { rejectUnauthorized: false };
    case 'verify-ca':
    case 'verify-full':
      return {
        ca: authority ? readFileSync(authority) : undefined,
        ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
      };
    default:
      throw new Error(`there is no sslmode ${mode}`);
  }
}

function explained(error) {
  if (error.name === 'MigrationLocked') {
    return (
      'another run holds the lock. If none is going on, one was killed; release it with\n' +
      `  psql "$CONTROL_PLANE_DB" -c 'UPDATE ${TABLE}_lock SET is_locked = 0'`
    );
  }
  // A name with several addresses: what went wrong is said once for each.
  return error.errors ? error.errors.map((one) => one.message).join('; ') : error.message;
}

async function main([name, ...options]) {
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
  if (!command) throw new Error(`usage: migrate.mjs ${Object.keys(commands).join('|')}`);
  if (command === make) return make(options);
  const db = connect();
  await command(db, options);
  return db.destroy();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`Migration failed: ${explained(error)}`);
  // At once: a connection that was refused half-way can stay open for a minute.
  process.exit(1);
}
