/* Nothing but memory, and the standard streams. */
#include "program.h"

int main(int argc, char **argv)
{
	char *block = malloc(3 << 20);
	char *small = strdup(argv[0]);

	memset(block, 7, 3 << 20);
	checkpoint();
	for (int i = 0; i < 3 << 20; i++)
		if (block[i] != 7) {
			WRONG("byte %d", i);
			break;
		}
	CHECK(!strcmp(small, argv[0]) && argc == 1 && getpid() == 300, "arguments");
	return finish();
}
