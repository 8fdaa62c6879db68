/** The user and group that the server runs as once its ports are open: -u, -g, `user`, `group`. */
import { readFileSync } from 'node:fs';

export interface Identity {
  /** Names or numbers; '' stays what it is. */
  readonly user: string;
  readonly group: string;
}

interface Account {
  readonly uid: number;
  readonly gid: number | undefined;
}

/** Line of a name in a file such as /etc/passwd, in fields. */
function entry(file: string, name: string): readonly string[] | undefined {
  const lines = readFileSync(file, 'latin1').split('\n');
  return lines.map((line) => line.split(':')).find((fields) => fields[0] === name);
}

/** A number is taken as it is; undefined: there is no such user. */
function accountOf(user: string): Account | undefined {
  if (/^\d+$/.test(user)) return { uid: Number(user), gid: undefined };
  const fields = entry('/etc/passwd', user);
  return fields === undefined ? undefined : { uid: Number(fields[2]), gid: Number(fields[3]) };
}

function groupOf(group: string): number | undefined {
  if (/^\d+$/.test(group)) return Number(group);
  const fields = entry('/etc/group', group);
  return fields === undefined ? undefined : Number(fields[2]);
}

/** Gives up the rights of the user that started the process. A text is what was wrong. */
export function runAs({ user, group }: Identity): string | undefined {
  if (user === '' && group === '') return undefined;
  const { setuid, setgid } = process;
  const { initgroups } = process as { initgroups?: (user: string, extraGroup: number) => void };
  if (setuid === undefined || setgid === undefined || initgroups === undefined)
    return 'this system has no users to run as';
  try {
    const account = user === '' ? undefined : accountOf(user);
    if (user !== '' && account === undefined) return `bad user name/uid number: -u ${user}`;
    const gid = group === '' ? account?.gid : groupOf(group);
    if (group !== '' && gid === undefined) return `bad group name/gid number: -g ${group}`;
    if (gid !== undefined && gid !== process.getgid?.()) setgid(gid);
    if (account !== undefined && account.uid !== process.getuid?.()) {
      if (gid !== undefined) initgroups(user, gid);
      setuid(account.uid);
    }
    return undefined;
  } catch (e) {
    return `cannot run as ${user}${group === '' ? '' : `:${group}`}: ${e instanceof Error ? e.message : String(e)}`;
  }
}
