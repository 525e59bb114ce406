/*
 * The vDSO: libc has pointers into it, and the kernel puts it elsewhere in every process. The same build of the kernel has the same vDSO,
 * which is moved to where that of the dump was. Another one is kept in the hole, and a copy of that of the dump leads to it, function by
 * function (man 7 vdso).
 */
#include <linux/elf.h>
#include "files.h"
#include "mem.h"
#include "play.h"
#include "text.h"

/* What the kernel's own image may have at most; it is trusted apart from that. */
#define VDSO_MAX PLAY_PARKING_BYTES
#define SYMBOLS_MAX 64
#define NT_GNU_BUILD_ID 3

static const Elf64_Phdr *segment_of(u64 vdso, u32 type)
{
	const Elf64_Ehdr *header = (const void *)(usize)vdso;
	const Elf64_Phdr *segments = (const void *)(usize)(vdso + header->e_phoff);

	for (u32 i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == type)
			return &segments[i];
	return NULL;
}

static bool has_build_id(u64 vdso, const u8 *id, u32 size)
{
	const Elf64_Phdr *notes = segment_of(vdso, PT_NOTE);

	for (u64 at = 0; notes && at + sizeof(Elf64_Nhdr) <= notes->p_memsz && at < VDSO_MAX;) {
		const Elf64_Nhdr *note = (const void *)(usize)(vdso + notes->p_offset + at);
		const u8 *name = (const u8 *)(note + 1);
		const u8 *content = name + ((note->n_namesz + 3u) & ~3u);

		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !memcmp(name, "GNU", 4))
			return note->n_descsz == size && !memcmp(content, id, size);
		at += (u64)(content - (const u8 *)note) + ((note->n_descsz + 3u) & ~3u);
	}
	return false;
}

/* The address of a function, 0 if there is none. Names lie right behind the symbols (arch/x86/entry/vdso/vdso-layout.lds.S). */
static u64 function_of(u64 vdso, const char *name)
{
	const Elf64_Phdr *dynamic = segment_of(vdso, PT_DYNAMIC);
	const Elf64_Sym *symbols = NULL;
	const char *names = NULL;

	if (!dynamic)
		return 0;
	for (const Elf64_Dyn *entry = (const void *)(usize)(vdso + dynamic->p_offset); entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == DT_SYMTAB)
			symbols = (const void *)(usize)(vdso + entry->d_un.d_ptr);
		else if (entry->d_tag == DT_STRTAB)
			names = (const void *)(usize)(vdso + entry->d_un.d_ptr);
	}
	if (!symbols || !names)
		return 0;
	for (u32 i = 0; i < SYMBOLS_MAX && (const char *)(symbols + i + 1) <= names; i++)
		if (symbols[i].st_shndx != 0 && text_equal(names + symbols[i].st_name, name))
			return vdso + symbols[i].st_value;
	return 0;
}

static s64 move(u64 from, u64 size, u64 to)
{
	long result = sys_call(__NR_mremap, (long)from, (long)size, (long)size, MREMAP_MAYMOVE | MREMAP_FIXED, (long)to, 0);

	return result == (long)to ? 0 : result < 0 ? result : -EFAULT;
}

/*
 * The kernel moves one mapping a call. By way of the parking place, as the old and the new places may overlap: `from` there to `to`, each
 * mapping at the same distance from the vDSO.
 */
static s64 move_all(u64 from, u64 to)
{
	const struct tape_header *header = play.tape.header;
	const struct tape_area *areas = tape_rows(&play.tape, header->areas);
	s64 error = 0;

	for (u32 i = 0; i < header->areas.count && !error; i++) {
		u64 distance = areas[i].address - header->vdso;

		error = move(from + distance, areas[i].size_bytes, to + distance);
	}
	return error ? error : move(from, header->vdso_bytes, to);
}

/* Where the vDSO itself is parked: its areas lie below it, or above. */
static u64 parking(void)
{
	const struct tape_header *header = play.tape.header;
	const struct tape_area *areas = tape_rows(&play.tape, header->areas);
	u64 place = header->hole + PLAY_PARKING_AT;

	return header->areas.count && areas[0].address < header->vdso ? place + (header->vdso - areas[0].address) : place;
}

struct line {
	u64 start;
	u64 end;
	bool is_of_vdso;
};

/* A line of /proc/PID/maps, which begins with "START-END "; it is changed. Gives what follows it. */
static char *take_line(char *at, struct line *line)
{
	char *dash = NULL;
	char *space = NULL;
	char *end = at;

	line->is_of_vdso = false;
	for (; *end && *end != '\n'; end++) {
		if (*end == '-' && !dash)
			dash = end;
		else if (*end == ' ' && !space)
			space = end;
		else if (*end == '[')
			line->is_of_vdso = text_begins(end, "[vdso]") || text_begins(end, "[vvar");
	}
	if (dash && space)
		*dash = *space = '\0';
	line->is_of_vdso = line->is_of_vdso && dash && space && parse_hex(at, &line->start) && parse_hex(dash + 1, &line->end);
	return *end ? end + 1 : end;
}

/* The mappings of the running kernel's vDSO go to the parking place, with their distances. */
static s64 park_other(u64 *vdso)
{
	u64 place = play.tape.header->hole + PLAY_PARKING_AT;
	char maps[8192];
	long size = read_file("/proc/self/maps", maps, sizeof(maps));
	u64 first = 0;
	u64 parked = 0;

	if (size < 0)
		return size;
	for (char *at = maps; *at;) {
		struct line line;
		s64 error;

		at = take_line(at, &line);
		if (!line.is_of_vdso)
			continue;
		if (!first)
			first = line.start;
		if (line.end - first > PLAY_PARKING_BYTES)
			return -E2BIG;
		error = move(line.start, line.end - line.start, place + (line.start - first));
		if (error)
			return error;
		if (line.start == *vdso)
			parked = place + (line.start - first);
	}
	*vdso = parked;
	return 0;
}

/* Every function of the copy becomes a jump to the one of the running kernel, or the system call. */
static s64 lead_to_other(u64 vdso)
{
	const struct tape_header *header = play.tape.header;
	const struct tape_function *functions = tape_rows(&play.tape, header->functions);
	const void *place = (const void *)(usize)header->vdso;
	long result;

	/* crac-init's own mappings may lie there; they are removed in any case. */
	result = sys_call(__NR_mmap, POINTER(place), (long)header->vdso_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			  -1, 0);
	if (result != POINTER(place))
		return result;
	memcpy((void *)(usize)header->vdso, play_data(header->vdso_copy), header->vdso_bytes);
	for (u32 i = 0; i < header->functions.count; i++) {
		u8 *at = (u8 *)(usize)(header->vdso + functions[i].offset);
		u64 target = vdso && !functions[i].direct ? function_of(vdso, (const char *)functions[i].name) : 0;

		if (target)
			play_write_jump(at, target);
		else
			play_write_call(at, functions[i].system_call);
	}
	return SYS3(mprotect, POINTER(place), (long)header->vdso_bytes, PROT_READ | PROT_EXEC);
}

s64 play_vdso(void)
{
	const struct tape_header *header = play.tape.header;
	u64 vdso = play.vdso;
	s64 error = 0;

	if (vdso && has_build_id(vdso, header->vdso_build_id, header->vdso_build_id_bytes)) {
		error = move_all(vdso, parking());
		return error ? error : move_all(parking(), header->vdso);
	}
	if (vdso)
		error = park_other(&vdso);
	return error ? error : lead_to_other(vdso);
}
