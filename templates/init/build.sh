#!/bin/sh
# Builds crac-init into the file OUT: PROGRAM image (PID 1 of images, the default) or build (PID 1 and tools of build containers).
# Same sources and same compiler give the same bytes, wherever the folder is.
# CC names another compiler of the GCC family, ARCH another architecture than the compiler's own.
set -eu
[ $# -eq 1 ] || [ $# -eq 2 ] || { echo "usage: build.sh OUT [PROGRAM]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
program=${2:-image}
cc=${CC:-gcc}
arch=${ARCH:-$("$cc" -dumpmachine | cut -d- -f1)}
[ -f "$here/program_$program.c" ] || { echo "build.sh: there is no program $program" >&2; exit 2; }
[ -f "$here/start_$arch.S" ] || { echo "build.sh: crac-init has not been brought to $arch" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One partition: what the linker's optimiser makes does not depend on the machine's processors.
lto='-flto -flto-partition=one -fno-jump-tables'
# Small: data lies where the ABI wants it, not at lines of the cache; what is moved into its only caller takes more room there.
code="-Os $lto -malign-data=abi -fno-inline-functions-called-once"
compile="-std=c11 $code -ffreestanding -fno-builtin -fno-stack-protector -fno-asynchronous-unwind-tables -fno-ident
-ffunction-sections -fdata-sections -fcf-protection=none -fno-pie -g0 -Wall -Wextra -Werror -Wshadow -Wconversion -Wvla -Wundef
-Wstrict-prototypes -Wmissing-prototypes -Wimplicit-fallthrough"
# An address where no program has anything: the memory of one that is restored is made around it (images/tape/layout.ts: initStart).
link="$code -nostdlib -static -no-pie -Wl,-Ttext-segment=0x00200000,--gc-sections,--build-id=none,-z,noexecstack,-z,norelro,-z,noseparate-code -s"

# Sorted in the C locale, so that the order of objects, and with it the file, does not depend on the system.
cd "$here"
objects=
for source in $(LC_ALL=C ls ./*.c "start_$arch.S"); do
  case $source in
    *_test.c) continue ;;
    ./program_*.c) [ "$source" = "./program_$program.c" ] || continue ;;
    ./*_x86_64.c | ./*_aarch64.c) [ "${source%_"$arch".c}" != "$source" ] || continue ;;
  esac
  object=$work/$(basename "$source").o
  # shellcheck disable=SC2086 # the flags are words
  "$cc" $compile -c "$source" -o "$object"
  objects="$objects $object"
done
cd "$work"
# shellcheck disable=SC2086
"$cc" $link $objects -o init
# Nobody reads the table of sections: the file ends behind what is loaded (Elf64_Ehdr: e_shoff at 40, e_shnum and e_shstrndx at 60).
size=$(readelf -lW init | sed -n 's/^ *LOAD  *0x0* \(0x[0-9a-f]* *\)\{2\}\(0x[0-9a-f]*\) .*/\2/p' | head -n 1)
head -c "$((size))" init >loaded
printf '\0\0\0\0\0\0\0\0' | dd of=loaded bs=1 seek=40 conv=notrunc status=none
printf '\0\0\0\0' | dd of=loaded bs=1 seek=60 conv=notrunc status=none
mv loaded init
chmod 0755 init
mv init "$out"
