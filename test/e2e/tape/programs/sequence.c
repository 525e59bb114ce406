/* A thread that is in a restartable sequence (rseq(2)) nearly all of its time. What interrupts it leads it to the abort handler. */
#include "program.h"
#include <pthread.h>

extern const long rseq_offset __asm__("__rseq_offset");

static volatile int stop, aborts, entered;

static void *run(void *unused)
{
	static struct {
		uint32_t version, flags;
		uint64_t start, size, abort;
	} section __attribute__((aligned(32)));
	char *area = (char *)__builtin_thread_pointer() + rseq_offset;

	__asm__ volatile("lea 1f(%%rip), %%rax\n mov %%rax, 8+%[section]\n lea 3f(%%rip), %%rcx\n sub %%rax, %%rcx\n mov %%rcx, 16+%[section]\n"
			 "lea 4f(%%rip), %%rcx\n mov %%rcx, 24+%[section]\n"
			 "5: movl $1, %[entered]\n lea %[section], %%rax\n mov %%rax, 8(%[area])\n"
			 "1: pause\n cmpl $0, %[stop]\n je 1b\n"
			 "3: jmp 6f\n"
			 /* RSEQ_SIG comes before the abort handler, within an instruction that is never executed. */
			 ".byte 0x0f, 0xb9, 0x3d\n .long 0x53053053\n"
			 "4: incl %[aborts]\n jmp 5b\n"
			 "6:\n"
			 : [section] "+m"(section), [entered] "+m"(entered), [aborts] "+m"(aborts)
			 : [area] "r"(area), [stop] "m"(stop)
			 : "rax", "rcx", "memory", "cc");
	return unused;
}

int main(void)
{
	pthread_t thread;
	int before;

	NEED(!pthread_create(&thread, NULL, run, NULL));
	while (!entered)
		pause_ms(1);
	before = aborts;
	checkpoint();
	CHECK(aborts > before, "nothing has interrupted it");
	stop = 1;
	pthread_join(thread, NULL);
	return finish();
}
