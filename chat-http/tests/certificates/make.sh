#!/bin/sh
# Makes the certificates of the tests anew. The keys are no secret, and nothing but the tests trusts them.
set -eu
cd "$(dirname "$0")"

request() { # NAME SUBJECT: a key, and a request for a certificate
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$2" -keyout "$1.key" -out "$1.csr"
}
sign() { # NAME FROM TO: a certificate for localhost and 127.0.0.1, valid between these times
    openssl ca -batch -notext -config ca.cnf -startdate "$2" -enddate "$3" -in "$1.csr" -out "$1.pem"
}

printf '%s\n' '[ca]' 'default_ca=x' '[x]' 'database=index' 'rand_serial=yes' 'new_certs_dir=.' 'certificate=ca.pem' \
    'private_key=ca.key' 'default_md=sha256' 'policy=p' 'unique_subject=no' 'x509_extensions=e' '[p]' \
    'commonName=supplied' '[e]' 'basicConstraints=CA:FALSE' 'subjectAltName=DNS:localhost,DNS:chat.example,IP:127.0.0.1' \
    'extendedKeyUsage=serverAuth' >ca.cnf
: >index
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj '/CN=Tests of a chat server' \
    -keyout ca.key -out ca.pem
for name in first second expired future; do request "$name" localhost; done
sign first 20260101000000Z 21260101000000Z
sign second 20260101000000Z 21260101000000Z
sign expired 20200101000000Z 20200201000000Z
sign future 21250101000000Z 21260101000000Z
rm -f ./*.csr ca.cnf ca.key index* [0-9A-F]*.pem
