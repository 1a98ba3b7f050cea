/** Starts the real binary on a log of its own, and writes requests into that log. */
import { spawn } from 'node:child_process';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const START_MS = 30_000;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A moment as nginx writes it, in UTC. */
function clf(at) {
  const two = (value) => String(value).padStart(2, '0');
  const day = `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
  return `${day}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}

/** A line in the combined format. */
function line({ address, target, agent = 'Mozilla/5.0', referrer = '-', status = 200, method = 'GET' }) {
  return `${address} - - [${clf(new Date())}] "${method} ${target} HTTP/1.1" ${status} 512 "${referrer}" "${agent}"\n`;
}

/** The first sign-in address that the server prints. */
function signInAddress(server) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the server printed no sign-in address')), START_MS);
    server.once('exit', (code) => reject(new Error(`the server ended with code ${code}`)));
    createInterface({ input: server.stdout }).on('line', (text) => {
      const found = /http:\/\/\S+\/ui\/\?ticket=\S+/.exec(text);
      if (found === null) return;
      clearTimeout(timer);
      resolve(found[0]);
    });
  });
}

/** Starts `vigil serve` on a free port. */
export async function startServer() {
  const binary = process.env.VIGIL_BIN;
  if (!binary) throw new Error('set VIGIL_BIN to the vigil binary, as `make test-page` does');
  const folder = await mkdtemp(join(tmpdir(), 'vigil-page-'));
  const log = join(folder, 'access.log');
  await writeFile(log, '');
  const settings = [
    '--listen',
    '127.0.0.1:0',
    '--data-dir',
    join(folder, 'data'),
    '--log',
    log,
    '--from-start',
  ];
  const server = spawn(binary, ['serve', ...settings], { stdio: ['ignore', 'pipe', 'pipe'] });
  let told = '';
  server.stderr.on('data', (bytes) => (told = (told + bytes).slice(-4000)));
  const ended = new Promise((resolve) => server.once('exit', resolve));
  const address = await signInAddress(server).catch((error) => {
    server.kill('SIGKILL');
    throw new Error(`${error.message}; it said:\n${told}`);
  });
  return {
    address,
    request: (...requests) => appendFile(log, requests.map(line).join('')),
    /** Asks it to stop, without waiting until it has. */
    stop: () => server.kill('SIGTERM'),
    /** Ends it for good and removes what it left. */
    async remove() {
      server.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
