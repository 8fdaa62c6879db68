/** Numbers of what can go wrong with a request, and their texts, as libcurl has them: scripts compare with these numbers. */

export const CURL = {
  OK: 0,
  UNSUPPORTED_PROTOCOL: 1,
  URL_MALFORMAT: 3,
  COULDNT_RESOLVE_PROXY: 5,
  COULDNT_RESOLVE_HOST: 6,
  COULDNT_CONNECT: 7,
  WEIRD_SERVER_REPLY: 8,
  PARTIAL_FILE: 18,
  TIMEDOUT: 28,
  TLS_CONNECT: 35,
  TOO_MANY_REDIRECTS: 47,
  GOT_NOTHING: 52,
  RECV: 56,
  CERTIFICATE: 58,
  CIPHER: 59,
  PEER_VERIFICATION: 60,
  CA_FILE: 77,
} as const;

const TEXTS: ReadonlyMap<number, string> = new Map([
  [0, 'No error'],
  [1, 'Unsupported protocol'],
  [2, 'Failed initialization'],
  [3, 'URL using bad/illegal format or missing URL'],
  [4, 'A requested feature, protocol or option was not found built-in in this libcurl due to a build-time decision.'],
  [5, "Couldn't resolve proxy name"],
  [6, "Couldn't resolve host name"],
  [7, "Couldn't connect to server"],
  [8, 'Weird server reply'],
  [9, 'Access denied to remote resource'],
  [10, 'FTP: The server failed to connect to data port'],
  [11, 'FTP: unknown PASS reply'],
  [12, 'FTP: Accepting server connect has timed out'],
  [13, 'FTP: unknown PASV reply'],
  [14, 'FTP: unknown 227 response format'],
  [15, "FTP: can't figure out the host in the PASV response"],
  [16, 'Error in the HTTP2 framing layer'],
  [17, "FTP: couldn't set file type"],
  [18, 'Transferred a partial file'],
  [19, "FTP: couldn't retrieve (RETR failed) the specified file"],
  [21, 'Quote command returned error'],
  [22, 'HTTP response code said error'],
  [23, 'Failed writing received data to disk/application'],
  [25, 'Upload failed (at start/before it took off)'],
  [26, 'Failed to open/read local data from file/application'],
  [27, 'Out of memory'],
  [28, 'Timeout was reached'],
  [30, 'FTP: command PORT failed'],
  [31, 'FTP: command REST failed'],
  [33, 'Requested range was not delivered by the server'],
  [34, 'Internal problem setting up the POST'],
  [35, 'SSL connect error'],
  [36, "Couldn't resume download"],
  [37, "Couldn't read a file:// file"],
  [38, 'LDAP: cannot bind'],
  [39, 'LDAP: search failed'],
  [41, 'A required function in the library was not found'],
  [42, 'Operation was aborted by an application callback'],
  [43, 'A libcurl function was given a bad argument'],
  [45, 'Failed binding local connection end'],
  [47, 'Number of redirects hit maximum amount'],
  [48, 'An unknown option was passed in to libcurl'],
  [49, 'Malformed option provided in a setopt'],
  [52, 'Server returned nothing (no headers, no data)'],
  [53, 'SSL crypto engine not found'],
  [54, 'Can not set SSL crypto engine as default'],
  [55, 'Failed sending data to the peer'],
  [56, 'Failure when receiving data from the peer'],
  [58, 'Problem with the local SSL certificate'],
  [59, "Couldn't use specified SSL cipher"],
  [60, 'SSL peer certificate or SSH remote key was not OK'],
  [61, 'Unrecognized or bad HTTP Content or Transfer-Encoding'],
  [63, 'Maximum file size exceeded'],
  [64, 'Requested SSL level failed'],
  [65, 'Send failed since rewinding of the data stream failed'],
  [66, 'Failed to initialise SSL crypto engine'],
  [67, 'Login denied'],
  [68, 'TFTP: File Not Found'],
  [69, 'TFTP: Access Violation'],
  [70, 'Disk full or allocation exceeded'],
  [71, 'TFTP: Illegal operation'],
  [72, 'TFTP: Unknown transfer ID'],
  [73, 'Remote file already exists'],
  [74, 'TFTP: No such user'],
  [77, 'Problem with the SSL CA cert (path? access rights?)'],
  [78, 'Remote file not found'],
  [79, 'Error in the SSH layer'],
  [80, 'Failed to shut down the SSL connection'],
  [81, 'Socket not ready for send/recv'],
  [82, 'Failed to load CRL file (path? access rights?, format?)'],
  [83, 'Issuer check against peer certificate failed'],
  [84, 'FTP: The server did not accept the PRET command.'],
  [85, 'RTSP CSeq mismatch or invalid CSeq'],
  [86, 'RTSP session error'],
  [87, 'Unable to parse FTP file list'],
  [88, 'Chunk callback failed'],
  [89, 'The max connection limit is reached'],
  [90, 'SSL public key does not match pinned public key'],
  [91, 'SSL server certificate status verification FAILED'],
  [92, 'Stream error in the HTTP/2 framing layer'],
  [93, 'API function called from within callback'],
  [94, 'An authentication function returned an error'],
  [95, 'HTTP/3 error'],
  [96, 'QUIC connection error'],
  [97, 'proxy handshake error'],
  [98, 'SSL Client Certificate required'],
  [99, 'Unrecoverable error in select/poll'],
]);

const FIRST_STATUS = 100;

/** `$curlerror(code)`. */
export function curlErrorText(code: number): string {
  if (code >= FIRST_STATUS) return 'HTTP result code';
  return code < 0 ? 'Bad CURL error code' : (TEXTS.get(code) ?? 'Unknown error');
}

const NUMBERS: Readonly<Record<string, number>> = {
  ECONNREFUSED: CURL.COULDNT_CONNECT,
  EHOSTUNREACH: CURL.COULDNT_CONNECT,
  ENETUNREACH: CURL.COULDNT_CONNECT,
  EADDRNOTAVAIL: CURL.COULDNT_CONNECT,
  ETIMEDOUT: CURL.COULDNT_CONNECT,
  ENOTFOUND: CURL.COULDNT_RESOLVE_HOST,
  EAI_AGAIN: CURL.COULDNT_RESOLVE_HOST,
  HPE_INVALID_CONSTANT: CURL.UNSUPPORTED_PROTOCOL,
  ERR_INVALID_URL: CURL.URL_MALFORMAT,
  ERR_UNESCAPED_CHARACTERS: CURL.URL_MALFORMAT,
  ERR_TLS_CERT_ALTNAME_INVALID: CURL.PEER_VERIFICATION,
  CERT_HAS_EXPIRED: CURL.PEER_VERIFICATION,
  CERT_NOT_YET_VALID: CURL.PEER_VERIFICATION,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CURL.PEER_VERIFICATION,
  UNABLE_TO_GET_ISSUER_CERT: CURL.PEER_VERIFICATION,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CURL.PEER_VERIFICATION,
  DEPTH_ZERO_SELF_SIGNED_CERT: CURL.PEER_VERIFICATION,
  SELF_SIGNED_CERT_IN_CHAIN: CURL.PEER_VERIFICATION,
  CERT_REVOKED: CURL.PEER_VERIFICATION,
  ERR_SSL_NO_CIPHER_MATCH: CURL.CIPHER,
};

/** The number for an error of Node.js. `seen`: the head of the answer was there. */
export function errorNumber(e: NodeJS.ErrnoException, seen: boolean): number {
  const code = e.code ?? '';
  const known = Object.hasOwn(NUMBERS, code) ? NUMBERS[code] : undefined;
  if (known !== undefined) return known;
  if (code.startsWith('HPE_')) return CURL.WEIRD_SERVER_REPLY;
  if (/^(?:ERR_SSL|ERR_TLS|EPROTO|ERR_OSSL)/.test(code)) {
    return /PEM|KEY|ASN1|X509/.test(code) ? CURL.CERTIFICATE : CURL.TLS_CONNECT;
  }
  if (seen) return CURL.PARTIAL_FILE;
  return e.message === 'socket hang up' ? CURL.GOT_NOTHING : CURL.RECV;
}
