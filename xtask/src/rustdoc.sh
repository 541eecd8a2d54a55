#!/bin/sh
# rustdoc, with leave to write JSON. (The variable for cargo as a whole would build half of all dependencies anew.)
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
