/** Every parameter of every version of the nsq module, and the project's own (nsq.md, section 2). */
import { aliasParam, intParam, listParam, strParam } from '../../runtime/module.js';

export const params = {
  lookupd_address: strParam(
    null,
    'HTTP addresses of nsqlookupd: `host`, `host:port`, a list with commas. All are asked. Without it, and without `nsqd_address`, 127.0.0.1.',
  ),
  lookupd: aliasParam('lookupd_address', 'As the founding README spells it once.'),
  lookupd_port: intParam(4161, 'Port of `lookupd_address` entries that have none.'),
  nsqd_address: strParam(
    null,
    "Addresses of nsqd, to consume from and to publish to: `host`, `host:port`, a list with commas. TCP; an address that turns out to be nsqd's HTTP port is asked for the TCP port. `embedded` starts a broker in this process.",
  ),
  nsqd_port: intParam(4150, 'Port of `nsqd_address` entries that have none.'),
  consumer_use_nsqd: intParam(
    0,
    '1: consume from `nsqd_address` and never ask nsqlookupd. 0: find nsqd through `lookupd_address`; where that is not given but `nsqd_address` is, consume from there.',
  ),
  topic_channel: listParam('`TOPIC:CHANNEL`, one subscription; may be given several times.'),
  listen_topic: strParam(null, 'Topic of one subscription.'),
  listen_channel: strParam(null, 'Channel of `listen_topic`.'),
  consumer_topic: strParam(null, 'Topic of one subscription; `listen_topic` under its later name.'),
  consumer_channel: strParam(null, 'Channel of `consumer_topic`.'),
  default_channel: strParam(null, 'Channel of topics that have none; without it `Kamailio-Channel`.'),
  consumer_workers: intParam(
    4,
    'Consumer workers of each subscription: threads of the nsq pool with a connection to each nsqd. Each has one event at a time in its route.',
  ),
  consumer_processes: intParam(1, 'Without effect, as in the one version that had it.'),
  max_in_flight: intParam(5, 'Messages that each connection may hold at once.'),
  consumer_event_key: strParam(
    'Event-Category',
    "Field of the message that gives the first part of the event route's name.",
  ),
  consumer_event_subkey: strParam('Event-Name', 'Field that gives the second part.'),
  consumer_event_sub_key: aliasParam('consumer_event_subkey', 'As the manual of 5.0 spells it.'),
  query_timeout: intParam(2, 'Seconds that nsq_query waits for its answer.'),
  json_escape_char: strParam('%', 'Stands for `.` inside a step of a JSON path.'),
  hostname: strParam(null, 'Without effect, as in the one version that had it.'),
  db_url: strParam(null, 'Database of the presentity table, for nsq_pua_publish.'),
  presentity_table: strParam('presentity', 'Its name.'),
  pua_mode: intParam(1, '1: nsq_pua_publish works; other: it is false.'),
  pua_include_entity: intParam(1, '0: nsq_pua_publish leaves `<target>` out of dialog-info.'),
  db_table_lock_type: intParam(1, '0: no table lock around a presence update.'),
  ack_mode: strParam(
    null,
    'When nsqd is told that a message is done. Not set: after its route, whatever came of it. `after`: after its route, and `drop` there has it delivered again. `immediate`: before its route.',
  ),
  msg_timeout: intParam(
    0,
    "Milliseconds that nsqd waits for a message to be finished, 1000 to 900000; 0: nsqd's own setting.",
  ),
  output_buffer_timeout: intParam(
    0,
    'Milliseconds that nsqd may collect messages before it sends them, 25 to 30000; 0: it sends at once.',
  ),
  publish_timeout: intParam(5, 'Seconds that nsq_publish waits for OK.'),
  max_msg_size: intParam(1_048_576, 'Bytes of the largest payload that is published; what `-max-msg-size` of nsqd is.'),
  drain_timeout: intParam(5, 'Seconds that a stop waits for routes that still run.'),
  tls: intParam(0, '1: TLS to nsqd.'),
  tls_verify: intParam(1, '0: any certificate will do.'),
  tls_ca_file: strParam(null, 'File with the certificates that nsqd is checked against (PEM).'),
  tls_cert_file: strParam(null, 'File with the certificate shown to nsqd (PEM).'),
  tls_key_file: strParam(null, 'File with its key (PEM).'),
  auth_secret: strParam(null, 'Secret for nsqd with `-auth-http-address`.'),
  embedded_port: intParam(0, 'TCP port of the embedded broker on 127.0.0.1; 0: a free one.'),
  embedded_http_port: intParam(0, 'Its HTTP port; 0: a free one.'),
} as const;
