/**
 * The global parameters of the core (language.md, section 11): one table for the grammar, for the defaults of the
 * runtime, for hovers and for `help`.
 */

/**
 * What may stand right of the `=`:
 * - `int`, `bool`: any number or yes/no word, without a sign (the two differ only in the text of the error);
 * - `signed`: the same with an optional `-`;
 * - `string`: quoted; `id`: a bare word; `name`: either of them;
 * - `addresses`: the list of `listen` and `alias`; `host`: one address; `ipv4`, `ipv6`: a bare address;
 * - `proto`: UDP, TCP, TLS, SCTP; `tls-method`: SSLv23 …; `int-or-id`: a number or a bare word.
 */
export type CoreParamType =
  | 'int'
  | 'bool'
  | 'signed'
  | 'string'
  | 'id'
  | 'name'
  | 'addresses'
  | 'host'
  | 'ipv4'
  | 'ipv6'
  | 'proto'
  | 'tls-method'
  | 'int-or-id';

export interface CoreParamInfo {
  /** Canonical name: the first spelling of language.md. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: CoreParamType;
  /** Missing where there is none: empty text, no limit, worked out at start. */
  readonly default?: number | string;
  readonly doc: string;
  /** What the parser says when the value is something else, where it isn't the usual text of the type. */
  readonly expected?: string;
}

type Row = readonly [
  names: string,
  type: CoreParamType,
  value: number | string | undefined,
  doc: string,
  expected?: string,
];

const TLS_IGNORED = 'Accepted with a warning and without effect: the tls module has its own parameters.';

const ROWS: readonly Row[] = [
  ['debug', 'signed', 0, 'Log level: lines with a level above it are not shown.', 'number  expected'],
  ['fork', 'bool', 1, 'Whether to run as several processes.'],
  ['fork_delay', 'int', 0, 'Pause before each process is forked, in microseconds.'],
  ['modinit_delay', 'int', 0, 'Pause before each module is initialised, in microseconds.'],
  ['log_stderror', 'bool', 0, 'Whether the log goes to stderr instead of syslog.'],
  ['log_facility', 'id', 'LOG_DAEMON', 'The syslog facility, as a bare word such as LOG_LOCAL0.', 'ID expected'],
  ['log_name', 'string', undefined, 'The name under which syslog shows this server.'],
  ['log_prefix', 'string', undefined, 'Text with $variables put before each log line of a message.'],
  ['log_engine_type', 'string', undefined, 'The custom log engine to write to.'],
  ['log_engine_data', 'string', undefined, 'Settings of the custom log engine.'],
  ['log_color', 'bool', 0, 'Whether log lines on stderr are coloured.'],
  ['log_prefix_mode', 'int', 0, '0: log_prefix is evaluated when a message arrives; 1: for each line.'],
  ['listen', 'addresses', undefined, 'Addresses to listen on, [proto:]host[:port]; all interfaces when missing.'],
  ['port', 'int', 5060, 'Port of the addresses in listen that name none.'],
  ['alias', 'addresses', undefined, 'Names under which this server counts as myself.'],
  ['auto_aliases', 'bool', 1, 'Whether the names of the listen addresses count as aliases.'],
  [
    'advertised_address',
    'host',
    undefined,
    'Address put into Via and Record-Route instead of our own.',
    'ip address or hostname expected',
  ],
  [
    'advertised_port',
    'int',
    undefined,
    'Port put into Via and Record-Route instead of our own.',
    'ip address or hostname expected',
  ],
  ['children', 'int', 8, 'Workers for each UDP address.'],
  ['socket_workers', 'int', 0, 'Workers for the next listen only; 0 means children.'],
  ['mhomed', 'bool', 0, 'Whether the sending address is chosen by the route to the destination.'],
  ['auto_bind_ipv6', 'bool', 0, 'Whether to listen on IPv6 addresses too when listen is missing.'],
  ['bind_ipv6_link_local', 'bool', 0, 'Whether to listen on link-local IPv6 addresses.'],
  [
    'ip_free_bind ipfreebind ip_nonlocal_bind',
    'signed',
    0,
    'Whether to bind to addresses that this host does not have.',
    'int value expected',
  ],
  ['ipv6_hex_style', 'string', 'c', 'How IPv6 addresses are written: a, A or c (compressed).'],
  ['dns', 'bool', 0, 'Whether received= is added by looking up the Via host.'],
  ['rev_dns', 'bool', 0, 'Whether received= is added by a reverse look-up.'],
  ['dns_try_ipv6', 'bool', 1, 'Whether AAAA records are asked for when there is no A record.'],
  ['dns_try_naptr', 'bool', 0, 'Whether NAPTR records are asked for.'],
  ['dns_srv_lb dns_srv_loadbalancing', 'bool', 0, 'Whether SRV weights spread the load.'],
  ['dns_udp_pref dns_udp_preference', 'signed', 30, 'Preference of UDP among NAPTR records.', 'number expected'],
  ['dns_tcp_pref dns_tcp_preference', 'signed', 20, 'Preference of TCP among NAPTR records.', 'number expected'],
  ['dns_tls_pref dns_tls_preference', 'signed', 10, 'Preference of TLS among NAPTR records.', 'number expected'],
  ['dns_sctp_pref dns_sctp_preference', 'signed', 20, 'Preference of SCTP among NAPTR records.', 'number expected'],
  ['dns_retr_time', 'int', -1, 'Seconds before a DNS query is repeated; -1: as the resolver does.'],
  ['dns_retr_no', 'int', -1, 'How often a DNS query is repeated; -1: as the resolver does.'],
  ['dns_servers_no', 'int', -1, 'How many name servers are asked; -1: as the resolver does.'],
  ['dns_slow_query_ms', 'int', 0, 'DNS queries that take longer are logged; 0: none.'],
  ['dns_use_search_list', 'bool', 1, 'Whether the search list of resolv.conf is used.'],
  ['dns_search_full_match', 'bool', 1, 'Whether a search list answer must match the whole name.'],
  ['dns_naptr_ignore_rfc', 'bool', 1, 'Whether our own preferences go before those of the NAPTR records.'],
  ['dns_cache_init', 'bool', 1, 'Whether the DNS cache exists.'],
  ['use_dns_cache', 'bool', 1, 'Whether the DNS cache is used.'],
  ['use_dns_failover', 'bool', 0, 'Whether the next DNS answer is tried when sending fails.'],
  ['dns_cache_flags', 'bool', 0, '1: IPv4 only, 2: IPv6 only, 4: prefer IPv6.'],
  ['dns_cache_negative_ttl', 'bool', 60, 'Seconds for which a failed look-up is remembered.'],
  ['dns_cache_min_ttl', 'bool', 0, 'Least time to live of a cached record, in seconds.'],
  ['dns_cache_max_ttl', 'bool', undefined, 'Greatest time to live of a cached record, in seconds.'],
  ['dns_cache_mem', 'bool', 500, 'Memory of the DNS cache, in kilobytes.'],
  ['dns_cache_gc_interval', 'bool', 120, 'Seconds between two clean-ups of the DNS cache.'],
  ['dns_cache_del_nonexp dns_cache_delete_nonexpired', 'bool', 0, 'Whether valid records may go to make room.'],
  ['dns_cache_rec_pref', 'bool', 0, 'Which record stays when two answers differ.'],
  ['dst_blocklist_init', 'bool', 1, 'Whether the list of blocked destinations exists.'],
  ['use_dst_blocklist', 'bool', 0, 'Whether destinations that failed are avoided for a while.'],
  ['dst_blocklist_mem', 'bool', 250, 'Memory of the list of blocked destinations, in kilobytes.'],
  ['dst_blocklist_expire dst_blocklist_ttl', 'bool', 60, 'Seconds for which a destination stays blocked.'],
  ['dst_blocklist_gc_interval', 'bool', 60, 'Seconds between two clean-ups of the blocked destinations.'],
  ['dst_blocklist_udp_imask', 'int', 0, 'Reasons that do not block a UDP destination.', 'number(flags) expected'],
  ['dst_blocklist_tcp_imask', 'int', 0, 'Reasons that do not block a TCP destination.', 'number(flags) expected'],
  ['dst_blocklist_tls_imask', 'int', 0, 'Reasons that do not block a TLS destination.', 'number(flags) expected'],
  ['dst_blocklist_sctp_imask', 'int', 0, 'Reasons that do not block an SCTP destination.', 'number(flags) expected'],
  ['maxbuffer', 'int', 262144, 'Greatest size of the UDP receive buffer, in bytes.'],
  ['sql_buffer_size', 'int', 65535, 'Buffer for SQL statements, in bytes.'],
  ['pv_buffer_size', 'int', 8192, 'Buffer for texts with $variables, in bytes.'],
  ['pv_buffer_slots', 'int', 40, 'How many such buffers there are.'],
  ['pv_cache_limit', 'int', 2048, 'Number of cached variable names from which a warning is logged.'],
  ['pv_cache_action', 'int', 0, 'What happens at pv_cache_limit: 0 a warning, 1 the cache is cleaned.'],
  ['stats_name_separator', 'string', '_', 'Character between group and name of a statistic.'],
  ['async_workers', 'int', 0, 'Processes for asynchronous tasks.'],
  ['async_usleep', 'int', 0, 'Pause of an asynchronous worker between tasks, in microseconds.'],
  ['async_nonblock', 'int', 0, 'Whether the asynchronous workers read without blocking.'],
  [
    'async_workers_group',
    'string',
    undefined,
    'A named group of workers: name=x;workers=n;nonblock=0/1;usleep=n.',
    'string expected',
  ],
  ['check_via', 'bool', 0, 'Whether the topmost Via of a reply must be ours.'],
  ['phone2tel', 'bool', 1, 'Whether user=phone makes a SIP URI count as a tel URI.'],
  ['sip_warning', 'bool', 0, 'Whether our own replies carry a Warning header.'],
  ['reply_to_via', 'bool', 0, 'Whether replies go to the Via address instead of the source.'],
  ['http_reply_parse http_reply_hack', 'bool', 0, 'Whether HTTP replies are parsed as messages.'],
  ['msg_time', 'int', 1, 'When the time of a message is taken.', 'number  expected'],
  ['memdbg mem_dbg', 'signed', 4, 'Log level of memory debugging.', 'int value expected'],
  ['memlog mem_log', 'signed', 4, 'Log level of memory summaries.', 'int value expected'],
  ['mem_summary', 'signed', 12, 'Which memory summaries are logged.', 'int value expected'],
  ['mem_safety', 'signed', 1, 'Whether freeing twice is survived.', 'int value expected'],
  ['mem_join', 'signed', 1, 'Whether free fragments are joined.', 'int value expected'],
  ['mem_status_mode', 'signed', 0, 'Whether free fragments are listed too.', 'int value expected'],
  ['corelog core_log', 'signed', -1, 'Log level of some messages of the core.', 'int value expected'],
  ['sip_parser_log', 'signed', -1, 'Log level of messages that cannot be parsed.', 'int value expected'],
  ['sip_parser_log_oneline', 'signed', 0, 'Whether a bad message is logged in one line.', 'int value expected'],
  ['sip_parser_mode', 'signed', 1, '1: strict, 0: lenient about header values.', 'int value expected'],
  ['server_signature', 'bool', 1, 'Whether Server and User-Agent headers are added.'],
  ['server_header', 'string', 'Server: kamailio (5.6.3 (x86_64/linux))', 'The whole Server header of our replies.'],
  [
    'user_agent_header',
    'string',
    'User-Agent: kamailio (5.6.3 (x86_64/linux))',
    'The whole User-Agent header of our requests.',
  ],
  ['version_table', 'string', 'version', 'The database table that holds the table versions.'],
  ['user uid', 'name', undefined, 'The user to run as; before any modparam or block.'],
  ['group gid', 'name', undefined, 'The group to run as.'],
  ['chroot', 'name', undefined, 'The directory to change the root to.'],
  ['workdir wdir', 'name', undefined, 'The working directory.'],
  ['rundir run_dir', 'name', undefined, 'The directory for FIFOs and control sockets.'],
  ['disable_tcp', 'bool', 0, 'Whether TCP is off.'],
  ['tcp_children', 'int', undefined, 'Workers for TCP; as many as children when missing.'],
  ['tcp_accept_aliases', 'bool', 0, 'Whether the alias Via parameter names a connection.'],
  ['tcp_accept_unique', 'int', 0, 'Whether a second connection from one address and port is refused.'],
  ['tcp_connection_match', 'int', 0, 'Whether the local address must match when a connection is looked for.'],
  ['tcp_connect_timeout', 'signed', 10, 'Seconds to wait for a connection.', 'number expected'],
  ['tcp_send_timeout', 'signed', 10, 'Seconds to wait until data can be sent.', 'number expected'],
  ['tcp_connection_lifetime', 'signed', 120, 'Seconds after which an idle connection is closed.', 'number expected'],
  ['tcp_wait_data', 'signed', 5000, 'Milliseconds to wait for data on a new connection.', 'number expected'],
  [
    'tcp_script_mode',
    'signed',
    0,
    '1: a connection is closed when the script fails on its message.',
    'number expected',
  ],
  [
    'tcp_poll_method',
    'name',
    undefined,
    'poll, epoll_lt, epoll_et, sigio_rt or select; the best one when missing.',
    'poll method name expected',
  ],
  ['tcp_max_connections', 'int', 2048, 'Most TCP connections.'],
  ['tls_max_connections', 'int', 2048, 'Most TLS connections.'],
  ['tcp_no_connect', 'bool', 0, 'Whether no connection is ever opened by us.'],
  ['tcp_fd_cache', 'bool', 1, 'Whether workers cache connections.'],
  ['tcp_async tcp_buf_write', 'bool', 1, 'Whether data that cannot be sent at once is queued.'],
  ['tcp_conn_wq_max', 'bool', 32768, 'Most bytes queued on one connection.'],
  ['tcp_wq_max', 'int', 10485760, 'Most bytes queued on all connections.'],
  ['tcp_rd_buf_size', 'int', 16384, 'Read buffer of a connection, in bytes: the greatest message over TCP.'],
  ['tcp_wq_blk_size', 'int', 2100, 'Size of a block of the queue, in bytes.'],
  ['tcp_clone_rcvbuf', 'int', 0, 'Whether a message is copied out of the read buffer.'],
  ['tcp_reuse_port', 'bool', 0, 'Whether ports may be shared (SO_REUSEPORT).'],
  ['tcp_source_ipv4', 'ipv4', undefined, 'Local IPv4 address of connections we open.', 'IPv4 address expected'],
  ['tcp_source_ipv6', 'ipv6', undefined, 'Local IPv6 address of connections we open.', 'IPv6 address expected'],
  ['tcp_defer_accept', 'bool', 0, 'Whether a connection counts only when data arrives.'],
  ['tcp_delayed_ack', 'bool', 1, 'Whether the first ACK waits for data.'],
  ['tcp_syncnt', 'int', 0, 'How often SYN is repeated; 0: as the system does.'],
  ['tcp_linger2', 'int', 0, 'Seconds a closed connection stays in FIN_WAIT2; 0: as the system does.'],
  ['tcp_keepalive', 'bool', 1, 'Whether TCP keepalives are sent.'],
  ['tcp_keepidle', 'int', 0, 'Seconds before the first keepalive; 0: as the system does.'],
  ['tcp_keepintvl', 'int', 0, 'Seconds between keepalives; 0: as the system does.'],
  ['tcp_keepcnt', 'int', 0, 'Keepalives without answer that end a connection; 0: as the system does.'],
  ['tcp_crlf_ping', 'bool', 1, 'Whether CRLF pings are answered.'],
  ['tcp_accept_no_cl', 'bool', 0, 'Whether messages over TCP may lack Content-Length.'],
  ['tcp_accept_hep3', 'bool', 0, 'Whether HEP3 packets are taken over TCP.'],
  ['tcp_accept_haproxy', 'bool', 0, 'Whether the PROXY protocol is understood.'],
  ['enable_tls tls_enable', 'bool', 0, 'Whether TLS is on.'],
  ['disable_tls tls_disable', 'bool', 1, 'Whether TLS is off.'],
  ['tls_port_no tls_log tlslog', 'int', 5061, 'Port of the TLS addresses in listen that name none.'],
  ['tls_method', 'tls-method', undefined, TLS_IGNORED, 'SSLv23, SSLv2, SSLv3 or TLSv1 expected'],
  ['tls_verify', 'bool', undefined, TLS_IGNORED],
  ['tls_require_certificate', 'bool', undefined, TLS_IGNORED],
  ['tls_certificate', 'string', undefined, TLS_IGNORED],
  ['tls_private_key', 'string', undefined, TLS_IGNORED],
  ['tls_ca_list', 'string', undefined, TLS_IGNORED],
  ['tls_handshake_timeout', 'int', undefined, TLS_IGNORED],
  ['tls_send_timeout', 'int', undefined, TLS_IGNORED],
  ['enable_sctp', 'bool', undefined, 'Whether SCTP is on; found out when missing.', 'boolean or number expected'],
  ['disable_sctp', 'bool', undefined, 'Whether SCTP is off.'],
  ['sctp_children', 'int', undefined, 'Workers for SCTP.'],
  ['disable_core_dump', 'bool', 0, 'Whether no core file is written.'],
  ['open_files_limit', 'int', -1, 'Most open files; -1: as the system says.'],
  ['shm shm_mem shm_mem_size', 'int', 64, 'Shared memory in megabytes; before any modparam or block.'],
  ['shm_force_alloc', 'bool', 0, 'Whether all shared memory is touched at start.'],
  ['mlock_pages', 'bool', 0, 'Whether memory is locked.'],
  ['real_time', 'bool', 0, 'Which processes get real-time priority.'],
  ['rt_prio', 'bool', 0, 'Real-time priority of the workers.'],
  ['rt_policy', 'bool', 0, 'Real-time policy of the workers.'],
  ['rt_timer1_prio rt_fast_timer_prio rt_ftimer_prio', 'bool', 0, 'Real-time priority of the fast timer.'],
  ['rt_timer1_policy rt_ftimer_policy', 'bool', 0, 'Real-time policy of the fast timer.'],
  ['rt_timer2_prio rt_stimer_prio', 'bool', 0, 'Real-time priority of the slow timer.'],
  ['rt_timer2_policy rt_stimer_policy', 'bool', 0, 'Real-time policy of the slow timer.'],
  ['mcast', 'name', undefined, 'The interface for multicast.', 'string expected'],
  ['mcast_loopback', 'bool', 0, 'Whether our own multicasts come back.'],
  ['mcast_ttl', 'int', -1, 'Time to live of multicasts; -1: as the system says.'],
  ['tos', 'int-or-id', 'IPTOS_LOWDELAY', 'Type of service of the packets sent.', 'number expected'],
  ['pmtu_discovery', 'int', 0, 'Whether packets must not be fragmented.'],
  ['exit_timeout ser_kill_timeout', 'int', 60, 'Seconds that shutting down may take.'],
  ['verbose_startup', 'bool', 0, 'Whether the start is logged in detail.'],
  ['server_id', 'int', 0, 'Number of this server, $sid.'],
  ['max_while_loops', 'int', 100, 'Most rounds of one while; 0: no limit.'],
  ['max_recursive_level', 'int', 256, 'Most nested routes and blocks.'],
  ['max_branches', 'int', 12, 'Most branches of a request, the main one counted: 1 to 31.'],
  ['route_locks_size', 'int', 0, 'Number of locks that keep messages of one dialog in order; 0: none.'],
  ['wait_worker1_mode', 'int', 0, 'Whether the others wait until the first worker is ready.'],
  ['wait_worker1_time', 'int', 4000000, 'How long they wait, in microseconds.'],
  ['wait_worker1_usleep', 'int', 100000, 'How often they look, in microseconds.'],
  ['received_route_mode', 'signed', 0, 'Whether event_route[core:msg-received] runs.', 'number  expected'],
  ['onsend_route_reply', 'int', 0, 'Whether onsend_route runs for replies too.', 'int value expected'],
  ['latency_log', 'signed', -1, 'Log level of the lines about slow actions.', 'number  expected'],
  ['latency_cfg_log', 'signed', 3, 'Log level of the line about the time of a route block.', 'number  expected'],
  ['latency_limit_db', 'int', 0, 'Database queries that take longer are logged, in microseconds.', 'number  expected'],
  ['latency_limit_action', 'int', 0, 'Actions that take longer are logged, in microseconds.', 'number  expected'],
  [
    'latency_limit_cfg',
    'int',
    0,
    'Runs of the script that take longer are logged, in microseconds; 0: all.',
    'number  expected',
  ],
  ['udp_mtu', 'int', 0, 'Requests larger than this leave over udp_mtu_try_proto; 0: never.'],
  [
    'udp_mtu_try_proto',
    'proto',
    undefined,
    'The transport for requests larger than udp_mtu.',
    'TCP, TLS, SCTP or UDP expected',
  ],
  ['udp4_raw', 'signed', 0, 'Whether UDP leaves through raw sockets.', 'number expected'],
  ['udp4_raw_mtu', 'int', 1500, 'MTU of raw UDP.'],
  ['udp4_raw_ttl', 'int', -1, 'Time to live of raw UDP; -1: found out.'],
  ['force_rport add_rport', 'bool', 0, 'Whether every request counts as if its Via had rport.'],
  ['local_rport', 'bool', 0, 'Whether rport is put into our own Via.'],
  ['uri_host_extra_chars', 'string', '', 'More characters that the host of a URI may have.'],
  ['hdr_name_extra_chars', 'string', '', 'More characters that a header name may have.'],
  ['xavp_via_params', 'string', '', 'The XAVP whose fields become parameters of our Via.'],
  ['xavp_via_fields', 'string', '', 'Overwrites xavp_via_params.'],
  ...['onsend_route', 'reply_route', 'event_route', 'received_route', 'pre_routing'].map(
    (name): Row => [
      `kemi.${name}_callback`,
      'string',
      undefined,
      `KEMI function for ${name}; "none" is off.`,
      'string expected',
    ],
  ),
];

const EXPECTED: Readonly<Record<CoreParamType, string>> = {
  int: 'number expected',
  bool: 'boolean value expected',
  signed: 'int value expected',
  string: 'string value expected',
  id: 'ID expected',
  name: 'string value expected',
  addresses: 'ip address, interface name or hostname expected',
  host: 'ip address or hostname expected',
  ipv4: 'IPv4 address expected',
  ipv6: 'IPv6 address expected',
  proto: 'TCP, TLS, SCTP or UDP expected',
  'tls-method': 'SSLv23, SSLv2, SSLv3 or TLSv1 expected',
  'int-or-id': 'number expected',
};

export const CORE_PARAMS: readonly CoreParamInfo[] = ROWS.map(([names, type, value, doc, expected]) => {
  const [name = '', ...aliases] = names.split(' ');
  return {
    name,
    aliases,
    type,
    doc,
    expected: expected ?? EXPECTED[type],
    ...(value === undefined ? {} : { default: value }),
  };
});

/** By every spelling; the `kemi.` ones with their prefix. */
export const CORE_PARAM_BY_NAME: ReadonlyMap<string, CoreParamInfo> = new Map(
  CORE_PARAMS.flatMap((info) => [info.name, ...info.aliases].map((name) => [name, info] as const)),
);
