/** A load of REGISTERs on a server that is killed amid it: what was answered 200 must be there after the restart. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort, type RunningServer, startServer } from './command.js';
import { headerOf, SipClient } from './sip-client.js';

/** Requests on their way at one time. */
const WINDOW = 40;
/** Milliseconds for an answer. */
const ANSWER = 2000;
/** Questions whether it is there, a fifth of a second apart. */
const TRIES = 100;

export interface KillResult {
  /** Registrations answered 200 before the kill. */
  readonly answered: number;
  /** Those of them that the server does not know after its restart, or knows an older form of. */
  readonly lost: readonly string[];
}

const script = (port: number, settings: string) => `
debug=1
log_stderror=yes
auto_aliases=no
listen=udp:127.0.0.1:${port}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "db_mode", 1)
${settings}
request_route {
	if (is_method("REGISTER")) { save("location"); exit; }
	$var(code) = lookup("location");
	append_to_reply("X-Said: $var(code) $ru\\r\\n");
	send_reply("200", "OK");
}
`;

/** Resolves when it answers. */
async function launch(file: string, dir: string, client: SipClient, port: number): Promise<RunningServer> {
  const server = await startServer(['-f', file, '-DD', '-E', '-Y', dir, '-w', dir], /(?:)/);
  for (let i = 0; i < TRIES; i++) {
    const { status } = await client.ask({ method: 'OPTIONS', uri: 'sip:ready@d.example' }, port, 200);
    if (status !== 0) return server;
    if (server.child.exitCode !== null) break;
  }
  throw new Error(`it does not start:\n${server.output()}`);
}

/** `settings`: more lines of the script. Load, kill -9 after one of `killAfter` (milliseconds from the first request), restart, look; as often as there are times. */
export async function killAmidLoad(settings: string, killAfter: readonly number[]): Promise<KillResult> {
  const dir = mkdtempSync(path.join(tmpdir(), 'kill-'));
  const port = await freePort();
  const file = path.join(dir, 'registrar.cfg');
  writeFileSync(file, script(port, settings));
  const client = await SipClient.open();
  /** Newest CSeq that was answered, by user. */
  const answered = new Map<string, number>();
  let server = await launch(file, dir, client, port);
  try {
    for (const ms of killAfter) {
      const end = new Promise((resolve) => server.child.once('close', resolve));
      const stop = { now: false };
      const load = registerAll(client, port, answered, stop);
      await new Promise((resolve) => setTimeout(resolve, ms));
      server.child.kill('SIGKILL');
      await end;
      stop.now = true;
      await load;
      server = await launch(file, dir, client, port);
    }
    return { answered: answered.size, lost: await missing(client, port, answered) };
  } finally {
    await server.stop();
    client.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Every third request is of a user that is registered already, with a new contact parameter. */
async function registerAll(
  client: SipClient,
  port: number,
  answered: Map<string, number>,
  stop: { readonly now: boolean },
): Promise<void> {
  let next = answered.size;
  const worker = async () => {
    while (!stop.now) {
      const n = next++;
      const user = `user${n}`;
      for (let cseq = 1; cseq <= (n % 3 === 0 ? 2 : 1); cseq++) {
        // a disk that is slow answers late: what is not answered does not count
        if ((await register(client, port, user, cseq)) === 200) answered.set(user, cseq);
      }
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, worker));
}

async function register(client: SipClient, port: number, user: string, cseq: number): Promise<number> {
  const aor = `<sip:${user}@d.example>`;
  const contact = `Contact: <sip:${user}@192.0.2.1:5062;v=1>;q=0.${cseq}`;
  const headers = [contact, 'Expires: 600'];
  const request = { method: 'REGISTER', uri: 'sip:d.example', to: aor, callId: `call-${user}`, cseq, headers };
  return (await client.ask({ ...request, from: `${aor};tag=t` }, port, ANSWER)).status;
}

async function missing(client: SipClient, port: number, answered: ReadonlyMap<string, number>): Promise<string[]> {
  const lost: string[] = [];
  for (const [user, cseq] of answered) {
    // a REGISTER without a contact gives what there is
    const aor = `<sip:${user}@d.example>`;
    const reply = await client.ask({ method: 'REGISTER', uri: 'sip:d.example', from: `${aor};tag=t`, to: aor }, port);
    const contact = headerOf(reply.text, 'Contact');
    const q = Number(/q=0\.(\d)/.exec(contact)?.[1] ?? 0);
    if (!contact.includes(`sip:${user}@`) || q < cseq) lost.push(`${user}: ${reply.status} ${contact}`);
  }
  return lost;
}
