// Finds libunicorn >= 2.1, the emulator behind emu/, or fetches it into `.cache/libunicorn/`.
//
// Plain JavaScript without imports of our own: it has to work before `npm install`. The download uses
// apt's own client, the machine's own package sources with the suite replaced by the Debian release that
// ships the library, and private state, so the system is left as it was.
//
//   node scripts/libunicorn.mjs            prints the path, exit status 1 when there is none

import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Debian release and package with the oldest library that serves. */
const SUITE = 'trixie';
const PACKAGE = 'libunicorn2t64';
const LIBRARY = 'libunicorn.so.2';

/** Exported by every 2.1 release and by none before (the ELF string table holds it as plain text). */
const SYMBOL_SINCE_2_1 = 'uc_reg_read_batch2';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const CACHE = join(ROOT, '.cache', 'libunicorn');

/** Where distributions for x86-64 put shared libraries. */
const SYSTEM_FOLDERS = [
  '/usr/local/lib',
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/lib/x86_64-linux-gnu',
];

const ADVICE =
  'install libunicorn 2.1 or newer (Debian 13: apt install libunicorn2t64; Fedora: dnf install unicorn; ' +
  'Arch: pacman -S unicorn; the "unicorn" Python wheel also contains it) and, when it is not in a standard ' +
  'folder, set FATHOM_LIBUNICORN to the path of libunicorn.so.2';

/** Debian's release names: only package sources of these are Debian's own archive. */
const DEBIAN_SUITES = new Set([
  'bullseye',
  'bookworm',
  'trixie',
  'forky',
  'sid',
  'oldoldstable',
  'oldstable',
  'stable',
  'testing',
  'unstable',
]);

/**
 * Returns the path of a usable libunicorn, fetching it on first use.
 *
 * @param {{ quiet?: boolean }} [options] quiet: print nothing while fetching
 * @returns {{ path: string | null, message: string }} message: one line for the user, also on success
 */
export function ensureLibunicorn({ quiet = false } = {}) {
  const named = process.env.FATHOM_LIBUNICORN;
  if (named) {
    if (existsSync(named)) return { path: named, message: `libunicorn: ${named} (FATHOM_LIBUNICORN)` };
    return { path: null, message: `FATHOM_LIBUNICORN names ${named}, which does not exist` };
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return {
      path: null,
      message: `the emulated cores need Linux on x86-64; this is ${process.platform} on ${process.arch}`,
    };
  }
  const cached = join(CACHE, LIBRARY);
  if (existsSync(cached)) return { path: cached, message: `libunicorn: ${cached}` };
  const system = SYSTEM_FOLDERS.map((folder) => join(folder, LIBRARY)).find(isRecentEnough);
  if (system) return { path: system, message: `libunicorn: ${system}` };
  try {
    if (!quiet) console.error(`Fetching ${PACKAGE} (Debian ${SUITE}) into ${CACHE} ...`);
    fetchWithApt(cached);
    return { path: cached, message: `libunicorn: ${cached}` };
  } catch (error) {
    return { path: null, message: `libunicorn could not be fetched (${error.message}): ${ADVICE}` };
  }
}

/** Tells whether the file is a libunicorn of version 2.1 or newer, without loading it. */
function isRecentEnough(path) {
  return existsSync(path) && readFileSync(path).includes(SYMBOL_SINCE_2_1);
}

/** Downloads the package with private apt state and moves its library to `destination`. */
function fetchWithApt(destination) {
  let sources;
  try {
    sources = readAptSources();
  } catch {
    throw new Error('this machine has no apt');
  }
  if (sources.length === 0) throw new Error('apt has no Debian package source configured');
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'apt-'));
  try {
    const folder = (...names) => {
      const path = join(work, ...names);
      mkdirSync(path, { recursive: true });
      return path;
    };
    const lists = join(work, 'sources');
    folder('sources');
    for (const [index, { extension, text }] of sources.entries()) {
      writeFileSync(join(lists, `debian-${index}${extension}`), text);
    }
    folder('lists', 'partial');
    folder('cache', 'archives', 'partial');
    const downloads = folder('download');
    writeFileSync(join(work, 'apt.conf'), aptConfiguration(work));
    const apt = (...args) =>
      execFileSync('apt-get', ['-c', join(work, 'apt.conf'), '-qq', ...args], {
        cwd: downloads,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    apt('update');
    apt('download', `${PACKAGE}:amd64`);
    const archive = readdirSync(downloads).find((name) => name.endsWith('.deb'));
    if (!archive) throw new Error('apt downloaded nothing');
    const unpacked = join(work, 'unpacked');
    execFileSync('dpkg-deb', ['-x', join(downloads, archive), unpacked]);
    const library = join(unpacked, 'usr', 'lib', 'x86_64-linux-gnu', LIBRARY);
    copyFileSync(library, join(work, LIBRARY));
    if (!isRecentEnough(join(work, LIBRARY))) throw new Error(`${basename(archive)} is older than 2.1`);
    renameSync(join(work, LIBRARY), destination);
  } catch (error) {
    const detail = error.stderr?.toString().trim().split('\n').pop();
    throw new Error(detail || error.message);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Settings for apt-get: everything it writes goes below `work`; proxies, credentials and trusted keys stay
 * the machine's. The cleared lists hold commands that a machine may have set to run after every update.
 */
function aptConfiguration(work) {
  return [
    `Dir::Etc::sourcelist "/dev/null";`,
    `Dir::Etc::sourceparts "${join(work, 'sources')}";`,
    `Dir::Etc::preferences "/dev/null";`,
    `Dir::Etc::preferencesparts "/dev/null";`,
    `Dir::State::Lists "${join(work, 'lists')}";`,
    `Dir::Cache "${join(work, 'cache')}";`,
    `Dir::Cache::archives "${join(work, 'cache', 'archives')}";`,
    `Acquire::Languages "none";`,
    'APT::Sandbox::User "";',
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    '',
  ].join('\n');
}

/**
 * Reads the machine's package sources and returns those of Debian's archive for the wanted suite.
 *
 * @returns {{ extension: '.list' | '.sources', text: string }[]}
 */
function readAptSources() {
  const shell = execFileSync(
    'apt-config',
    ['shell', 'LIST', 'Dir::Etc::sourcelist/f', 'PARTS', 'Dir::Etc::sourceparts/d'],
    { encoding: 'utf8' },
  );
  const setting = (name) => new RegExp(`^${name}='(.*)'$`, 'm').exec(shell)?.[1] ?? '';
  const parts = setting('PARTS');
  const files = [setting('LIST')];
  if (parts && existsSync(parts))
    files.push(
      ...readdirSync(parts)
        .sort()
        .map((name) => join(parts, name)),
    );
  const found = [];
  for (const file of files) {
    if (!/\.(list|sources)$/.test(file) || !existsSync(file) || !statSync(file).isFile()) continue;
    const text = readFileSync(file, 'utf8');
    if (file.endsWith('.list')) {
      const lines = classicLines(text);
      if (lines.length > 0) found.push({ extension: '.list', text: `${lines.join('\n')}\n` });
    } else {
      const stanzas = deb822Stanzas(text);
      if (stanzas.length > 0) found.push({ extension: '.sources', text: `${stanzas.join('\n\n')}\n` });
    }
  }
  return found;
}

/** `deb [options] uri suite component...` lines (sources.list(5)) of Debian's archive, for the wanted suite. */
function classicLines(text) {
  const lines = new Set();
  for (const line of text.split('\n')) {
    const fields = /^\s*deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*?)\s*(#.*)?$/.exec(line);
    if (!fields) continue;
    const [, options = '', uri, suite, components] = fields;
    if (DEBIAN_SUITES.has(suite) && components.split(/\s+/).includes('main'))
      lines.add(`deb ${options}${uri} ${SUITE} main`);
  }
  return [...lines];
}

/** Stanzas of a deb822 file (sources.list(5)) of Debian's archive, for the wanted suite. */
function deb822Stanzas(text) {
  const stanzas = [];
  const plain = text.replace(/^#.*\n?/gm, '');
  for (const stanza of plain.split(/\n\s*\n/)) {
    const field = (name) =>
      new RegExp(`^${name}:((?:.*)(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1].trim().split(/\s+/) ?? [];
    if (field('Enabled')[0]?.toLowerCase() === 'no' || !field('Types').includes('deb')) continue;
    if (!field('Suites').some((suite) => DEBIAN_SUITES.has(suite)) || !field('Components').includes('main'))
      continue;
    const kept = stanza
      .trim()
      .replace(/^(Types|Suites|Components|Architectures):.*(\n[ \t].*)*\n?/gim, '')
      .trim();
    stanzas.push(`Types: deb\nSuites: ${SUITE}\nComponents: main\n${kept}`);
  }
  return stanzas;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { path, message } = ensureLibunicorn();
  console.log(message);
  process.exitCode = path ? 0 : 1;
}
