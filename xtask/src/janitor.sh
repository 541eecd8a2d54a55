# Waits until whoever started it closes the pipe or is gone, however that came; then stops the servers whose files are
# in the folder $1, and removes the folder.
read -r _ || true
for file in "$1"/postgres*/postmaster.pid "$1"/mariadb*/server.pid; do
    [ -f "$file" ] || continue
    pid=$(head -n 1 "$file")
    # At once: nothing in these databases is needed any more.
    kill -QUIT "$pid" 2>/dev/null || continue
    tries=0
    while [ "$tries" -lt 100 ] && kill -0 "$pid" 2>/dev/null; do
        tries=$((tries + 1))
        sleep 0.1
    done
    [ "$tries" -lt 100 ] || kill -KILL "$pid" 2>/dev/null || true
done
rm -rf "$1"
