# workerd serve config.capnp --socket-addr http=127.0.0.1:PORT --directory-path disk=DIR
#
# The address and the directory come from the command line, so that nothing here names a machine.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "bench", worker = .bench),
    (name = "disk", disk = (writable = true)),
  ],
  sockets = [(name = "http", http = (), service = "bench")],
);

const bench :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "2026-08-01",
  durableObjectNamespaces = [
    (className = "Echo", uniqueKey = "echo", enableSql = true),
    (className = "Broadcast", uniqueKey = "broadcast", enableSql = true),
    (className = "Put", uniqueKey = "put", enableSql = true),
    (className = "Keys", uniqueKey = "keys", enableSql = true),
    (className = "Counter", uniqueKey = "counter", enableSql = true),
    (className = "Sql", uniqueKey = "sql", enableSql = true),
    (className = "SqlCounter", uniqueKey = "sqlcounter", enableSql = true),
    (className = "Touch", uniqueKey = "touch", enableSql = true),
  ],
  durableObjectStorage = (localDisk = "disk"),
  bindings = [
    (name = "echo", durableObjectNamespace = "Echo"),
    (name = "broadcast", durableObjectNamespace = "Broadcast"),
    (name = "put", durableObjectNamespace = "Put"),
    (name = "keys", durableObjectNamespace = "Keys"),
    (name = "counter", durableObjectNamespace = "Counter"),
    (name = "sql", durableObjectNamespace = "Sql"),
    (name = "sqlcounter", durableObjectNamespace = "SqlCounter"),
    (name = "touch", durableObjectNamespace = "Touch"),
  ],
);
