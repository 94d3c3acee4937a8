# What is measured: each measure drives one running server with the load program. Sourced.
#
# A figure is appended to $results as a line: ROUND MEASURE SERVER KEY=VALUE...
# shellcheck shell=bash disable=SC2154

# Longer than any run of the load program that goes well.
load_limit_seconds=180

tls_port_behind=0
idle_sockets=9000 touched_objects=5000 awake_objects=100000

# What starting the load program and looking at /proc costs. Without it a run of a few milliseconds
# would always seem disturbed.
own_seconds=0.05

# How much of a core other programs may use before a figure is taken again, and how often.
others_max=0.2
tries_max=5

measures_chosen() {
  local measure prefix
  for measure in echo-1 echo-8 tls broadcast room put keys sql idle counter sqlcounter touch connect \
    visit awake workers; do
    [ -n "$only" ] || echo "$measure"
    for prefix in $only; do
      case $measure in "$prefix"*) echo "$measure" ;; esac
    done
  done | uniq
}

# has SERVER MEASURE: whether that server has what is measured.
has() {
  case $1-$2 in
    open-do-* | nginx-visit) ;;
    nginx-*) return 1 ;;
    workerd-workers | workerd-awake | workerd-tls | bare-tls) return 1 ;;
    workerd-*) ;;
    *-keys | *-sql | *-sqlcounter | *-workers | *-awake) return 1 ;;
  esac
}

# load MODE PATH OPTIONS...: drives the server once. The line it printed is in $line, with the
# processor time that the server used for each message, and with how busy the machine was with
# something else meanwhile, in cores.
load() {
  local mode=$1 path=$2 scheme=ws server_ticks machine_ticks began_us
  shift 2
  case $mode in http | visit) scheme=http ;; esac
  if [ -n "$certificate" ]; then scheme+=s; fi
  server_ticks=$(cpu_ticks "$server_pid")
  machine_ticks=$(machine_ticks)
  began_us=${EPOCHREALTIME/[.,]/}
  start "${cores#*,}" "$work/load" timeout "$load_limit_seconds" "$build/load" "$mode" "$@" \
    "$scheme://127.0.0.1:$((port + tls_port_behind))/$path" </dev/null
  await "$started_pid" || {
    cat "$work/load.err" >&2
    return 1
  }
  server_ticks=$(($(cpu_ticks "$server_pid") - server_ticks))
  machine_ticks=$(($(machine_ticks) - machine_ticks))
  line=$(awk -v own="$own_seconds" -v server="$server_ticks" -v machine="$machine_ticks" \
    -v seconds="$((${EPOCHREALTIME/[.,]/} - began_us))e-6" -v hertz="$(getconf CLK_TCK)" '{
    for (i = 1; i <= NF; i++) { split($i, pair, "="); value[pair[1]] = pair[2] }
    each = value["total"] ? server / hertz * 1e6 / value["total"] : 0
    others = ((machine - server) / hertz - value["load_cpu_seconds"] - own) / seconds
    printf "%s server_cpu_us=%.2f others=%.2f\n", $0, each, others
  }' "$work/load")
}

less() {
  awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'
}

# figure KEY: its value in $line.
figure() {
  sed -n "s/.* $1=\([^ ]*\).*/\1/p" <<<"$line "
}

take_echo() {
  load echo 'echo/%d' --sockets 50 --objects 50 --depth "$1" \
    --seconds "$seconds" --warm "$warm"
}

# open-do has a port for TLS beside the other, which is driven as well.
take_tls() {
  local without code=0
  [ "$1" = open-do ] || { take_echo 1; return; }
  certificate='' take_echo 1 || return 1
  without=$(figure per_second)
  tls_port_behind=1
  take_echo 1 || code=1
  tls_port_behind=0
  line+=" without_per_second=$without"
  return "$code"
}

take_broadcast() {
  load broadcast broadcast/room --sockets "$1" --seconds "$seconds" --warm "$warm"
}

take_put() {
  load put "$1/%d" --sockets 50 --objects 50 --seconds "$seconds" --warm "$warm"
}

# 100 objects with 10,000 keys each, of which 50 are written to.
take_keys() {
  load http 'keys/%d' --sockets 4 --objects 95 --seconds 120 || return 1 # And five to warm up.
  take_put keys
}

# 64 at once, for as long as they come back.
take_connect() {
  load "$1" "$2/%d" --sockets 64 --objects 64 --seconds "$seconds" --warm "$warm"
}

take_work() {
  load echo 'work/%d' --sockets 50 --objects 50 --seconds "$seconds" --warm "$warm"
}

# Two workers on both cores, where the load program is, too, beside one on one of them. A message is
# some 0.1 ms of Lua, so that the load program, which has next to nothing to do, takes little of it.
take_workers() {
  local one pinned=$cores
  take_work || return 1
  one=$(figure per_second)
  server_stop
  workers=2 cores=${cores%,*}-${cores#*,}
  cores=$cores,$cores
  if server_start open-do && take_work; then line+=" one_per_second=$one"; else line=''; fi
  workers=1 cores=$pinned
  [ -n "$line" ]
}

# The same echo with as many objects awake and without.
take_awake() {
  local before_kb after_kb without
  take_echo 1 || return 1
  without=$(figure per_second)
  before_kb=$(memory_kb "$server_pid")
  load http 'touch/%d' --sockets 50 --objects "$awake_objects" --seconds 120 || return 1
  after_kb=$(memory_kb "$server_pid")
  take_echo 1 || return 1
  line+=" without_per_second=$without awake_kb=$((after_kb - before_kb))"
  line+=" awake_objects=$awake_objects"
}

take_touch() {
  load http "$1/%d" --sockets 50 --objects "$touched_objects" --seconds 60
}

# idle_open OBJECTS: opens the idle sockets over so many objects, in the background; they stay until
# descriptor 9 is closed. It is opened for both directions, because to open one end of a pipe waits
# for the other.
idle_open() {
  local i objects=$1
  rm -f "$work/hold"
  mkfifo "$work/hold"
  : >"$work/idle"
  exec 9<>"$work/hold"
  start "${cores#*,}" "$work/idle" timeout "$load_limit_seconds" "$build/load" idle \
    --sockets "$idle_sockets" --objects "$objects" --seconds "$load_limit_seconds" \
    "ws://127.0.0.1:$port/echo/idle-%d" <"$work/hold" 9>&-
  idle_pid=$started_pid
  for ((i = 0; i < 600; i++)); do
    if grep -q ready "$work/idle"; then return 0; fi
    kill -0 "$idle_pid" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/idle.err" >&2
  return 1
}

idle_close() {
  exec 9>&-
  await "$idle_pid"
}

# A moment of echo on one socket first, so that what a server loads once is not taken for memory of
# sockets; no more, because free memory left behind is what they would fill unseen: after a real
# warm-up 9,000 sockets of bun seemed to cost nothing. Before each look at the memory the server
# settles, for longer than collectors hold on to it and than objects take to fall asleep. Then the
# same echo is run with the idle ones and without.
take_idle() {
  local before_kb after_kb beside
  load echo 'echo/%d' --sockets 1 --seconds 0.1 --warm 0 || return 1
  sleep "$settle"
  before_kb=$(memory_kb "$server_pid")
  idle_open 90 || return 1
  sleep "$settle"
  after_kb=$(memory_kb "$server_pid")
  take_echo 1 || return 1
  beside=$line
  idle_close || return 1
  sleep 2
  take_echo 1 || return 1
  line="$beside without_per_second=$(figure per_second) idle_kb=$((after_kb - before_kb))"
  line+=" idle_sockets=$idle_sockets"
}

measure_drive() {
  case $1 in
    echo-*) take_echo "${1#echo-}" ;;
    broadcast) take_broadcast 200 ;;
    tls) take_tls "$2" ;;
    room) take_broadcast "$idle_sockets" ;;
    keys) take_keys ;;
    connect) take_connect connect echo ;;
    visit) take_connect visit touch ;;
    awake) take_awake ;;
    workers) take_workers ;;
    put | sql) take_put "$1" ;;
    idle) take_idle ;;
    counter | sqlcounter | touch) take_touch "$1" ;;
  esac
}

# One figure from a server of its own.
measure_try() {
  local good=true
  line='' idle_ms=10000 certificate=''
  [ "$1" != tls ] || certificate_make
  [ "$1" != awake ] || idle_ms=3600000
  { server_start "$2" && measure_drive "$1" "$2"; } || good=false
  exec 9>&-
  server_stop
  if $good; then return 0; fi
  echo "bench: $1 of $2 failed; the server's last words:" >&2
  server_log
  return 1
}

# Waits for other programs to leave the processors alone, for half a minute at most.
await_quiet() {
  local i before
  for ((i = 0; i < 60; i++)); do
    before=$(machine_ticks)
    sleep 0.5
    awk -v ticks=$(($(machine_ticks) - before)) -v hertz="$(getconf CLK_TCK)" \
      -v most="$others_max" 'BEGIN { exit ticks / hertz / 0.5 > most }' && return
  done
}

# Somebody else's program on the same cores makes a figure worthless, and a median does not help
# when it runs for longer than a round. Such a figure is taken again, a few times; the one that was
# disturbed least is kept.
measure_take() {
  local try others best='' least=1000
  for ((try = 1; try <= tries_max; try++)); do
    [ "$tries_max" -eq 1 ] || await_quiet
    measure_try "$2" "$3" || return 1
    others=$(figure others)
    echo "  $(figure per_second) a second, others used $others cores" >&2
    if less "$others" "$least"; then best=$line least=$others; fi
    if less "$least" "$others_max"; then break; fi
  done
  echo "$1 $2 $3 $best" >>"$results"
}
