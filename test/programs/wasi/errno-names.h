// Names of wasi_snapshot_preview1's errno, without their prefix (https://github.com/WebAssembly/WASI, preview 1).
#ifndef ERRNO_NAMES_H
#define ERRNO_NAMES_H

static const char *errno_name(int error) {
  static const char *const names[] = {
      "success",  "2big",        "acces",       "addrinuse",  "addrnotavail", "afnosupport", "again",
      "already",  "badf",        "badmsg",      "busy",       "canceled",     "child",       "connaborted",
      "connrefused", "connreset", "deadlk",     "destaddrreq", "dom",         "dquot",       "exist",
      "fault",    "fbig",        "hostunreach", "idrm",       "ilseq",        "inprogress",  "intr",
      "inval",    "io",          "isconn",      "isdir",      "loop",         "mfile",       "mlink",
      "msgsize",  "multihop",    "nametoolong", "netdown",    "netreset",     "netunreach",  "nfile",
      "nobufs",   "nodev",       "noent",       "noexec",     "nolck",        "nolink",      "nomem",
      "nomsg",    "noprotoopt",  "nospc",       "nosys",      "notconn",      "notdir",      "notempty",
      "notrecoverable", "notsock", "notsup",    "notty",      "nxio",         "overflow",    "ownerdead",
      "perm",     "pipe",        "proto",       "protonosupport", "prototype", "range",      "rofs",
      "spipe",    "srch",        "stale",       "timedout",   "txtbsy",       "xdev",        "notcapable",
  };
  return error >= 0 && error < (int)(sizeof names / sizeof *names) ? names[error] : "unknown errno";
}

#endif
