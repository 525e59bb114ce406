#!/bin/sh
# Builds the relay into the file OUT. Same source and same compiler give the same bytes. CC names another compiler of the GCC family.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh OUT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$here"
"${CC:-gcc}" -std=gnu11 -Os -ffreestanding -fno-builtin -fno-stack-protector -fno-asynchronous-unwind-tables -fno-ident -fcf-protection=none \
  -fno-pie -g0 -Wall -Wextra -Werror -Wshadow -Wconversion -nostdlib -static -no-pie \
  -Wl,--gc-sections,--build-id=none,-z,noexecstack,-z,norelro,-z,noseparate-code -s -o "$out" relay.c
chmod 0755 "$out"
