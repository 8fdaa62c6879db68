/** Tables of presence for db_text, empty. */
const text = (names: string) => names.split(' ').map((n) => `${n}(string,null)`);
const int = (names: string) => names.split(' ').map((n) => `${n}(int)`);
const table = (...columns: readonly string[][]) => `id(int,auto) ${columns.flat().join(' ')}\n`;

export const TABLES: Readonly<Record<string, string>> = {
  version: 'table_name(string) table_version(int)\npresentity:5\nactive_watchers:12\nwatchers:3\nxcap:4\n',
  presentity: table(text('username domain event etag body sender ruid'), int('expires received_time priority')),
  active_watchers: table(
    text(
      'presentity_uri watcher_username watcher_domain to_user to_domain event event_id to_tag from_tag callid contact',
    ),
    text('record_route reason socket_info local_contact from_user from_domain user_agent'),
    int('local_cseq remote_cseq expires status version updated updated_winfo flags'),
  ),
  watchers: table(text('presentity_uri watcher_username watcher_domain event reason'), int('status inserted_time')),
  xcap: table(text('username domain doc etag doc_uri'), int('doc_type source port')),
};
