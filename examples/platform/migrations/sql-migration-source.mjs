// Migrations for Knex that are pairs of SQL files: sql/NAME.up.sql and NAME.down.sql.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const FOLDER = fileURLToPath(new URL('sql/', import.meta.url));
const UP = '.up.sql';
const DOWN = '.down.sql';

export class SqlMigrationSource {
  async getMigrations() {
    return readdirSync(FOLDER)
      .filter((name) => name.endsWith(UP))
      .map((name) => name.slice(0, -UP.length))
      .sort();
  }

  getMigrationName(name) {
    return name;
  }

  // Both files are read before anything is run: a pair without its way back is
  // refused while there is nothing to take back yet.
  async getMigration(name) {
    for (const file of [name + UP, name + DOWN]) {
      if (!existsSync(FOLDER + file)) throw new Error(`${file} is missing: migrations are pairs`);
    }
    const up = readFileSync(FOLDER + name + UP, 'utf8');
    const down = readFileSync(FOLDER + name + DOWN, 'utf8');
    return {
      up: (knex) => run(knex, name + UP, up),
      down: (knex) => run(knex, name + DOWN, down),
      // PostgreSQL builds an index concurrently only outside a transaction.
      config: { transaction: !/\bCONCURRENTLY\b/i.test(up) },
    };
  }
}

// Not knex.raw: that takes every question mark for a placeholder, and puts the
// whole file in front of PostgreSQL's message.
async function run(knex, file, sql) {
  const connection = await knex.client.acquireConnection();
  try {
    await connection.query(sql);
  } catch (error) {
    const line = error.position ? `:${sql.slice(0, error.position - 1).split('\n').length}` : '';
    const more = [error.detail, error.hint].filter(Boolean).map((text) => `\n  ${text}`);
    throw new Error(`${file}${line}: ${error.message} (${error.code})${more.join('')}`);
  } finally {
    await knex.client.releaseConnection(connection);
  }
}
