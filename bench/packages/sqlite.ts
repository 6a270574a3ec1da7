import { requireWithWebAssembly } from '../../emu/glue.ts';
import { seededRandom } from '../../emu/interrupts.ts';

/** The part of sql.js that the workload uses. */
interface Database {
  run(sql: string, values?: readonly (string | number)[]): void;
  exec(sql: string): { columns: string[]; values: unknown[][] }[];
  close(): void;
}
type InitSqlJs = () => Promise<{ Database: new () => Database }>;

/** Runs the workload on an engine that is ready: `rows` in the larger table. Returns what the queries gave. */
export type SqliteWorkload = (rows: number) => unknown[][];

/**
 * SQLite through sql.js's own JavaScript glue, unchanged, on any WebAssembly. The workload creates two tables, fills
 * them, joins, groups and sorts; its result is the same on every engine, and so is, each time, every instruction: the package sees a
 * clock that stands still and random numbers of a fixed seed.
 *
 * @param build which of the package's builds: `debug` keeps the C names of exported functions
 * @throws Error if the package is not installed
 */
export async function openSqlite(
  webAssembly: object,
  build: 'release' | 'debug' = 'debug',
): Promise<SqliteWorkload> {
  const { Database } = await load(webAssembly, build);
  return (rows) => {
    const database = new Database();
    try {
      database.run('create table part (id integer primary key, name text, weight real, kind integer)');
      database.run('create table kind (id integer primary key, title text)');
      for (let kind = 0; kind < 10; kind++)
        database.run('insert into kind values (?, ?)', [kind, `kind ${kind}`]);
      database.run(
        `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows})
         insert into part select i, printf('part %x', (i * 7919) % 104729), (i * 31 % 1009) / 8.0, i % 10 from n`,
      );
      const sorted = database.exec('select name, weight from part order by name, weight desc')[0].values;
      const joined = database.exec(
        `select kind.title, count(*), sum(part.weight), max(part.name) from part join kind on part.kind = kind.id
         group by kind.title order by kind.title`,
      )[0].values;
      return [...joined, [sorted.length], ...sorted.slice(0, 5), ...sorted.slice(-5)];
    } finally {
      database.close();
    }
  };
}

/**
 * A session of SQLite's release build that asks for little and has much done: tables filled, joined, grouped and sorted inside. Few
 * calls go between the module and its host, so that almost all of it is the module's work.
 *
 * @param rows in the larger table
 * @throws Error if the package is not installed
 */
export async function sqliteSession(webAssembly: object, rows: number): Promise<unknown[][]> {
  const { Database } = await load(webAssembly, 'release');
  const database = new Database();
  try {
    database.run(`create table part (id integer primary key, name text, weight real, kind integer);
      create table kind (id integer primary key, title text);
      insert into kind select value, 'kind ' || value from (with recursive n(value) as
        (select 0 union all select value + 1 from n where value < 9) select value from n);
      with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows})
        insert into part select i, printf('part %x', (i * 7919) % 104729), (i * 31 % 1009) / 8.0, i % 10 from n;
      create index by_name on part (name);
      update part set weight = weight * 1.5 where name like '%a%';`);
    return database
      .exec(
        `select kind.title, count(*), sum(part.weight), max(part.name) from part join kind on part.kind = kind.id
         group by kind.title order by kind.title;
       select name, weight from (select name, weight from part order by weight desc, name limit 500) order by name limit 5`,
      )
      .flatMap(({ values }) => values);
  } finally {
    database.close();
  }
}

async function load(
  webAssembly: object,
  build: 'release' | 'debug',
): Promise<{ Database: new () => Database }> {
  const init = requireWithWebAssembly(
    `sql.js/dist/sql-wasm${build === 'debug' ? '-debug' : ''}.js`,
    webAssembly,
    import.meta.url,
    steadyHost(),
  ) as InitSqlJs;
  return init();
}

/** What the package would draw time and chance from. */
function steadyHost(): Record<string, unknown> {
  const random = seededRandom(1);
  const epoch = 1_700_000_000_000;
  class SteadyDate extends Date {
    constructor(time: number | string | Date = epoch) {
      super(time);
    }
    static override now(): number {
      return epoch;
    }
  }
  const draw = (bytes: Uint8Array): Uint8Array => {
    bytes.set(bytes.map(() => random(256)));
    return bytes;
  };
  const math = Object.assign(Object.create(Math), { random: () => random(2 ** 32) / 2 ** 32 });
  return {
    Date: SteadyDate,
    Math: math,
    crypto: { getRandomValues: draw },
    'node:crypto': { randomFillSync: draw },
    performance: { now: () => 0 },
  };
}
