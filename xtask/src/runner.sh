#!/bin/sh
# Runs a program of tests. Those of the server mostly wait for servers to start and to end: twice as many at once as there are cores.
case "${1##*/}" in
server-*) RUST_TEST_THREADS="${RUST_TEST_THREADS:-$(($(nproc) * 2))}" && export RUST_TEST_THREADS ;;
esac
exec "$@"
