# The processes of a run: started on their core, looked at through /proc, ended by pid. Sourced.
# shellcheck shell=bash

started=() # Every process that was started here and not yet ended.

# start CORE OUTPUT COMMAND...: starts it in the background; its pid is in $started_pid. It reads what
# the caller reads, which bash would else turn into /dev/null.
start() {
  local core=$1 output=$2 pin=()
  shift 2
  if [ "$(nproc)" -ge 2 ]; then pin=(taskset -c "$core"); fi
  "${pin[@]}" "$@" <&0 >"$output" 2>"$output.err" &
  started_pid=$!
  started+=("$started_pid")
}

# The process and everything below it.
tree() {
  local child
  echo "$1"
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null || true); do tree "$child"; done
}

# Asks the process to end, waits, and makes sure of it and of its children.
end() {
  local pid=$1 all member i kept=()
  all=$(tree "$pid")
  kill -TERM "$pid" 2>/dev/null || true
  for ((i = 0; i < 50; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  for member in $all; do kill -KILL "$member" 2>/dev/null || true; done
  wait "$pid" 2>/dev/null || true
  for member in "${started[@]}"; do [ "$member" = "$pid" ] || kept+=("$member"); done
  started=("${kept[@]}")
}

end_all() {
  local pid
  for pid in "${started[@]}"; do end "$pid"; done
}

# Waits for a process that ends by itself; false when it ended badly.
await() {
  local pid=$1 code=0
  wait "$pid" || code=$?
  end "$pid"
  return "$code"
}

# User and system time of the whole tree so far, in clock ticks. The name of a process may hold
# spaces, so the fields are counted from behind its closing bracket.
cpu_ticks() {
  local pid stat
  for pid in $(tree "$1"); do
    stat=$(cat "/proc/$pid/stat" 2>/dev/null || true)
    echo "${stat##*) }"
  done | awk '{ ticks += $12 + $13 } END { print ticks + 0 }'
}

# Resident memory of the whole tree in kB: Pss_Anon and Pss_Shmem, so a page that several of its
# processes share counts once, and one that only mirrors a file (program text, a database) not at
# all. Private_* would leave out what a server shares on purpose and count its program text.
memory_kb() {
  local pid
  for pid in $(tree "$1"); do memory_kb_of "$pid"; done |
    awk '{ sum += $1 } END { print sum + 0 }'
}

# The same of one process.
memory_kb_of() {
  cat "/proc/$1/smaps_rollup" 2>/dev/null |
    awk '$1 == "Pss_Anon:" || $1 == "Pss_Shmem:" { sum += $2 } END { print sum + 0 }'
}

# What all processors of the machine did so far, in clock ticks; time that a host withheld included.
machine_ticks() {
  awk '$1 == "cpu" { print $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat
}
