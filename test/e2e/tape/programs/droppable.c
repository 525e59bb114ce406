/* Memory that the kernel may drop at any time, in which libc keeps random numbers: no two starts may find the same in it. */
#include "program.h"
#include <sys/mman.h>

#define MAP_DROPPABLE 0x08

int main(void)
{
	unsigned char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_DROPPABLE, -1, 0);
	bool has = page != MAP_FAILED;

	if (has)
		memset(page, 7, 8192);
	checkpoint();
	if (has) {
		CHECK(!page[0] && !page[8191], "random numbers are there again");
		page[0] = 1;
		CHECK(page[0] == 1, "it cannot be written to");
	}
	return finish();
}
