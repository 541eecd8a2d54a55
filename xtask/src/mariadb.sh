# Starts, stops or kills the server in this folder, and waits until that is done.
end() {
    pid=$(cat server.pid)
    kill "-$1" "$pid"
    while kill -0 "$pid" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$pid/status"; do sleep 0.1; done
}
case $1 in
start)
    rm -f socket
    server >>log 2>&1 &
    tries=0
    while [ ! -S socket ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ]
        sleep 0.1
    done
    ;;
stop) end TERM ;;
kill) end KILL ;;
esac
