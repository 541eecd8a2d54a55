#!/bin/sh
# Runs a program of tests. Those of the server and of stores in other processes mostly wait for these, so that three run at
# once where there are two cores.
case "${1##*/}" in
server-* | store_postgres-* | store_mysql-*) export RUST_TEST_THREADS="${RUST_TEST_THREADS:-$(($(nproc) * 3 / 2))}" ;;
esac
exec "$@"
