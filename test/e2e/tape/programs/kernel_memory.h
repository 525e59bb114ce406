/* Compares memory maps. A mapping may be in pieces afterwards, some of them from the page store. Included by kernel_state.h alone. */

struct vma {
	unsigned long start, end, offset;
	char protection[8];
	char name[256];
	char flags[128]; /* of smaps, each with a space behind it */
};

#define PAGE_STORE "/.crac-build/pages/store"
/* Where crac-init is, and where the hole of a small program is. */
#define INIT_START 0x00200000ul
#define HOLE_END 0x14000000ul

static struct vma vmas_before[8192], vmas_after[8192];

static int parse_maps(char *text, struct vma *vmas)
{
	char *rest;
	int count = 0;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct vma *vma = &vmas[count];
		int name_at = 0;

		if (begins(line, "VmFlags: ")) {
			snprintf(vmas[count - 1].flags, sizeof(vma->flags), "%s ", line + strlen("VmFlags: "));
		} else if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %n", &vma->start, &vma->end, vma->protection, &vma->offset, &name_at) >= 4 && name_at) {
			snprintf(vma->name, sizeof(vma->name), "%s", line + name_at);
			count++;
		}
	}
	return count;
}

/* Flags that say something of the future of a mapping. `ac` (it is accounted for) and `sd` (soft-dirty) follow from how it was made. */
static const char *const lasting_flags[] = {
	"rd", "wr", "ex", "sh", "mr", "mw", "me", "ms", "gd", "pf", "lo", "io", "sr", "rr", "dc", "de", "nr", "ht", "sf", "wf",
	"dd", "hg", "nh", "mg", "um", "uw", "ss", "sl", "lf", "dp", NULL,
};

static bool has_flag(const struct vma *vma, const char *flag)
{
	char wanted[4];

	snprintf(wanted, sizeof(wanted), "%s ", flag);
	return strstr(vma->flags, wanted);
}

/* A deleted file becomes one in memory: of its name, the last part stays. */
static bool is_same_file(const struct vma *before, const struct vma *after)
{
	const char *slash = strrchr(before->name, '/');

	if (!strcmp(before->name, after->name))
		return true;
	/* Shared anonymous memory is one too. */
	return begins(after->name, "/memfd:") && (!strcmp(before->name, after->name + strlen("/memfd:")) || (slash && !strcmp(slash + 1, after->name + strlen("/memfd:"))));
}

static bool is_named(const struct vma *vma)
{
	return vma->name[0] == '/' && strcmp(vma->name, PAGE_STORE);
}

static void compare_vma(const struct vma *before, const struct vma *after)
{
	bool is_special = begins(before->name, "[v");

	if (strcmp(before->protection, after->protection))
		WRONG("memory %lx %s: protection %s instead of %s", after->start, before->name, after->protection, before->protection);
	for (int i = 0; lasting_flags[i]; i++)
		if (has_flag(before, lasting_flags[i]) != has_flag(after, lasting_flags[i]))
			WRONG("memory %lx %s: flag %s %d", after->start, before->name, lasting_flags[i], has_flag(after, lasting_flags[i]));
	if (is_special && strcmp(before->name, after->name))
		WRONG("memory %lx is %s, not %s", after->start, after->name, before->name);
	if (is_named(after) && (!is_same_file(before, after) || after->start - before->start != after->offset - before->offset))
		WRONG("memory %lx is %s at %lx, not %s at %lx", after->start, after->name, after->offset, before->name, before->offset);
	/* Shared memory is never a copy of it. */
	if (before->protection[3] == 's' && !is_same_file(before, after) && !begins(before->name, "/dev/zero"))
		WRONG("memory %lx is %s, not %s", after->start, after->name, before->name);
}

static void compare_memory(void)
{
	int count_before = parse_maps(before_dump.maps, vmas_before);
	int count_after = parse_maps(after_resume.maps, vmas_after);
	int j = 0;

	for (int i = 0; i < count_before; i++) {
		const struct vma *before = &vmas_before[i];
		unsigned long at = before->start;

		/* The main stack may have grown meanwhile, downwards. */
		for (; j < count_after && vmas_after[j].end <= before->start; j++)
			if (vmas_after[j].start < INIT_START || vmas_after[j].start >= HOLE_END)
				WRONG("memory %lx-%lx %s is new", vmas_after[j].start, vmas_after[j].end, vmas_after[j].name);
		for (; j < count_after && vmas_after[j].start < before->end; j++) {
			const struct vma *after = &vmas_after[j];

			if (after->start > at || after->end > before->end)
				WRONG("memory %lx-%lx %s became %lx-%lx", before->start, before->end, before->name, after->start, after->end);
			compare_vma(before, after);
			at = after->end;
			if (after->end > before->end)
				break;
		}
		if (at < before->end)
			WRONG("memory %lx-%lx %s is not there from %lx on", before->start, before->end, before->name, at);
	}
}
