# The servers that are compared: where their programs come from and how one is started. Sourced.
# shellcheck shell=bash disable=SC2154,SC2034

# Fixed, so that figures of different days are comparable.
workerd_version=1.20261117.1
bun_version=1.4.5

# Of open-do; a measure may want others.
workers=1 idle_ms=10000

# For a measure by TLS: a file without its .crt and .key.
certificate=''

# What nginx says to everything; another bench has files.
nginx_says='location / { return 200 ok; }'

build=$cache/build
packages=$cache/workerd-$workerd_version-bun-$bun_version

build_programs() {
  local flags=(-std=gnu11 -O2 -Wall -Wextra -Wshadow -Wconversion -Werror)
  local common=("$here/connection.c" "$here/frame.c" "$here/bytes.c")
  mkdir -p "$build"
  "${CC:-cc}" "${flags[@]}" -o "$build/load" "$here"/{load,options,crowd,user,histogram}.c \
    "$here"/mode_*.c "$here/tls.c" "${common[@]}" -lssl -lcrypto
  "${CC:-cc}" "${flags[@]}" -o "$build/bare" "$here"/{bare,handshake}.c "${common[@]}" -lcrypto
}

# What npm ships is the program itself, in a package for each platform; install scripts, which may
# download, are not run.
packages_install() {
  if [ ! -d "$packages/node_modules" ] && command -v npm >/dev/null; then
    mkdir -p "$packages"
    timeout 300 npm install --prefix "$packages" --no-audit --no-fund --ignore-scripts \
      --loglevel=error "workerd@$workerd_version" "bun@$bun_version" >&2 || true
  fi
  workerd=$(compgen -G "$packages/node_modules/@cloudflare/workerd-*/bin/workerd" | head -1) || true
  bun=$(compgen -G "$packages/node_modules/@oven/bun-*/bin/bun" | head -1) || true
}

server_program() {
  case $1 in
    bare) echo "$build/bare" ;;
    open-do) echo "$open_do" ;;
    workerd) echo "$workerd" ;;
    bun) echo "$bun" ;;
    nginx) PATH=$PATH:/usr/sbin command -v nginx || true ;;
    *) die "there is no server $1" ;;
  esac
}

# Drops from $servers what is not there, and says so.
servers_find() {
  local server there=''
  case " $servers " in *' workerd '* | *' bun '*) packages_install ;; esac
  for server in $servers; do
    if [ -x "$(server_program "$server")" ]; then
      there+=" $server"
    else
      echo "bench: $server is left out: its program is not there" >&2
    fi
  done
  servers=$there
  [ -n "$servers" ] || die "there is no server to measure"
}

certificate_make() {
  certificate=$work/bench
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -keyout "$certificate.key" -out "$certificate.crt" 2>/dev/null
}

answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Below the range that outgoing connections take their ports from.
free_port() {
  local port i
  for ((i = 0; i < 100; i++)); do
    port=$((20000 + RANDOM % 10000))
    if ! answers "$port"; then
      echo "$port"
      return
    fi
  done
  return 1
}

# Debian's own settings, but for a connection that goes on for as long as it likes.
nginx_settings() {
  cat <<END
worker_processes 1; daemon off; pid $data/nginx.pid; error_log stderr; user $(id -un) $(id -gn);
events { worker_connections 1024; }
http {
  sendfile on; tcp_nopush on; access_log off; keepalive_requests 1000000000;
  client_body_temp_path $data; proxy_temp_path $data; fastcgi_temp_path $data;
  uwsgi_temp_path $data; scgi_temp_path $data;
  server { listen 127.0.0.1:$port; $nginx_says }
}
END
}

server_command() {
  case $1 in
    bare) command=("$build/bare" "$port") ;;
    open-do)
      command=("$open_do" run "$here/objects/bench.lua" --listen "127.0.0.1:$port" --data "$data"
        --workers "$workers" --idle-ms "$idle_ms")
      [ -z "$certificate" ] ||
        command+=(--tls-listen "127.0.0.1:$((port + 1))" --tls-cert "$certificate.crt"
          --tls-key "$certificate.key") ;;
    workerd)
      command=("$workerd" serve "$here/objects/workerd/config.capnp"
        --socket-addr "http=127.0.0.1:$port" --directory-path "disk=$data") ;;
    bun)
      command=("$bun" "$here/objects/bun.js" "$port" "$data")
      [ -z "$certificate" ] || command+=("$certificate") ;;
    nginx)
      nginx_settings >"$data/nginx.conf"
      command=("$(server_program nginx)" -c "$data/nginx.conf" -e stderr) ;;
  esac
}

# Starts it with an empty data directory; sets $port and $server_pid. False: it does not answer.
server_start() {
  local i
  port=$(free_port) || return 1
  data=$(mktemp -d "$work/data.XXXXXX")
  server_command "$1"
  start "${cores%,*}" "$work/server" "${command[@]}" </dev/null
  server_pid=$started_pid
  for ((i = 0; i < 100; i++)); do
    if answers "$port"; then return 0; fi
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.1
  done
  echo "bench: $1 does not answer on its port" >&2
  return 1
}

server_stop() {
  end "$server_pid"
  rm -rf "$data"
}

# What it said, when something failed.
server_log() {
  tail -n 20 "$work/server" "$work/server.err" >&2 || true
}
