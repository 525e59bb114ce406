/* What belongs to the process as a whole. */
#include "program.h"
#include <linux/membarrier.h>

int main(int argc, char **argv)
{
	struct rlimit limit;
	char name[16];

	umask(037);
	mkdir("/tmp/somewhere", 0755);
	chdir("/tmp/somewhere");
	for (int resource = 0; resource < 2; resource++) {
		getrlimit(resource ? RLIMIT_CORE : RLIMIT_NOFILE, &limit);
		limit.rlim_cur = resource ? 0 : 777;
		limit.rlim_max = resource ? 4096 : 888;
		setrlimit(resource ? RLIMIT_CORE : RLIMIT_NOFILE, &limit);
	}
	getrlimit(RLIMIT_STACK, &limit);
	limit.rlim_cur = 3 << 20;
	setrlimit(RLIMIT_STACK, &limit);
	prctl(PR_SET_NAME, "a name", 0, 0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGUSR2, 0, 0, 0);
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
	/* As HotSpot does. */
	{
		int filter = open("/proc/self/coredump_filter", O_WRONLY);

		NEED(write(filter, "0x3f", 4) == 4);
		close(filter);
	}
	setpriority(PRIO_PROCESS, 0, 4);
	setenv("ADDED", "later", 1);
	/* A program that writes over its own arguments, as servers do. */
	memset(argv[0], 'x', strlen(argv[0]));
	checkpoint();
	CHECK(umask(0) == 037, "umask");
	CHECK(!strcmp(getenv("ADDED"), "later") && argc == 1, "the environment");
	prctl(PR_GET_NAME, name, 0, 0, 0);
	CHECK(!strcmp(name, "a name"), "the name is %s", name);
	CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0, "membarrier");
	return finish();
}
